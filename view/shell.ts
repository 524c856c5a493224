/** The document that every page begins as. Assets have absolute addresses: pages lie in folders, and no base may be set. */
export function shell(token: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Rotor</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/${token}/page.css">
<script type="module" src="/${token}/page.js"></script>
</head>
<body><div id="root"></div></body>
</html>
`;
}
