/**
 * Every way in which a text may hold a secret, by its name. Each function stands alone: functions under test are made to log what its
 * text makes of a password.
 */
export const FORMS: Readonly<Record<string, (secret: string) => string>> = {
  "as it is": (secret) => secret,
  "in JSON": (secret) => JSON.stringify({ secret }),
  "in JSON in JSON": (secret) => JSON.stringify(JSON.stringify({ secret })),
  "in JSON in JSON in JSON": (secret) => JSON.stringify(JSON.stringify(JSON.stringify(secret))),
  "in JSON of ASCII alone": (secret) =>
    JSON.stringify(secret).replace(
      /[^ -~]|[&<>']/g,
      (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  "in a URL": (secret) => encodeURIComponent(secret),
  "in a form": (secret) => new URLSearchParams({ secret }).toString(),
  "in a URL, in lower case": (secret) => encodeURIComponent(secret).replace(/%../g, (each) => each.toLowerCase()),
  "in a URL, every character": (secret) => Buffer.from(secret).toString("hex").replace(/../g, "%$&"),
  "in a URL, in part": (secret) =>
    `${Buffer.from(secret.slice(0, 5)).toString("hex").replace(/../g, "%$&")}${secret.slice(5)}`,
  "in JSON in a URL": (secret) => encodeURIComponent(JSON.stringify({ secret })),
  "in base64": (secret) => Buffer.from(secret).toString("base64"),
  "in base64 behind one byte": (secret) => Buffer.from(`x${secret}y`).toString("base64"),
  "in base64 behind two bytes": (secret) => Buffer.from(`xy${secret}`).toString("base64"),
  "in base64url": (secret) => Buffer.from(secret).toString("base64url"),
  "in hex": (secret) => Buffer.from(secret).toString("hex"),
  "in hex, in upper case": (secret) => Buffer.from(secret).toString("hex").toUpperCase(),
  "as a Buffer is shown": (secret) => Buffer.from(secret).toString("hex").replace(/../g, "$& "),
  "as a Buffer in JSON": (secret) => JSON.stringify(Buffer.from(secret)),
  "in HTML": (secret) => secret.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
  "in HTML, every character": (secret) => secret.replace(/[!-~]/g, (each) => `&#x${each.charCodeAt(0).toString(16)};`),
  "in SQL": (secret) => `'${secret.replaceAll("'", "''")}'`,
  "in UTF-16": (secret) => Buffer.from(secret, "utf16le").toString("latin1"),
};
