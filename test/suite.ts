/** What the suites with real rotations have in common: a database, the bundles of the functions, a few files at a time. */
export const SUITE = {
  globalSetup: ["test/support/global-database.ts", "test/support/global-bundles.ts"],
  pool: "forks" as const,
  // Most tests wait for a database, a process or a thread: more files at a time than processors keep them busy.
  maxWorkers: 4,
  // What a worker has loaded serves its next file, too: loading the SDK for each anew took a fifth of the whole run.
  isolate: false,
  env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  testTimeout: 30_000,
  hookTimeout: 30_000,
};
