/** For NODE_OPTIONS: an hour of the program's clock is a minute. What it waits for is the same. */
export const HURRIED = `--import=data:text/javascript,${encodeURIComponent(
  "const now = Date.now, begun = now(); Date.now = () => begun + (now() - begun) * 60;",
)}`;
