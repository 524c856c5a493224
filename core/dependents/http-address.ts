import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/**
 * Never asked, by any scheme or name: link-local addresses, where AWS keeps instance metadata and container credentials
 * (169.254.169.254, 169.254.170.2, fd00:ec2::254), and the unspecified ones, which mean this very machine.
 */
const forbidden = new BlockList();
forbidden.addSubnet("169.254.0.0", 16, "ipv4");
forbidden.addSubnet("0.0.0.0", 8, "ipv4");
forbidden.addSubnet("fe80::", 10, "ipv6");
forbidden.addSubnet("fd00:ec2::", 32, "ipv6");
forbidden.addAddress("::", "ipv6");
forbidden.addSubnet("64:ff9b::a9fe:0", 112, "ipv6"); // 169.254.0.0/16 behind NAT64

/** Where plain HTTP is allowed: loopback, RFC 1918, and unique local addresses (RFC 4193). */
const near = new BlockList();
near.addSubnet("127.0.0.0", 8, "ipv4");
near.addSubnet("10.0.0.0", 8, "ipv4");
near.addSubnet("172.16.0.0", 12, "ipv4");
near.addSubnet("192.168.0.0", 16, "ipv4");
near.addAddress("::1", "ipv6");
near.addSubnet("fc00::", 7, "ipv6");

export class ForbiddenAddress extends Error {
  override readonly name = "ForbiddenAddress";
}

/** What is wrong with a dependent's URL, said so that it can be mended; undefined when nothing is. Resolves no name. */
export function faultOfUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return "must be a URL that begins with https:// or http://";
  }
  if (url.username !== "" || url.password !== "") {
    return "must not carry credentials: take the part before the @ out of it";
  }
  const host = hostOf(url.hostname);
  if (isForbidden(host)) {
    return "must not name a link-local, metadata or unspecified address";
  }
  if (url.protocol === "http:" && !isNear(host)) {
    return "must begin with https://: plain http is for loopback and private addresses, and for names that end in .internal or .local";
  }
  return undefined;
}

/**
 * A request's name look-up that refuses forbidden addresses. The request connects to the very addresses that were
 * checked, so a name that changes its answer in between gains nothing.
 */
export const lookupAllowed: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      return callback(error, []);
    }
    if (addresses.some(({ address }) => isForbidden(address))) {
      return callback(new ForbiddenAddress("The name leads to a forbidden address."), []);
    }
    if (options.all === true) {
      return callback(null, addresses);
    }
    const [first] = addresses;
    callback(null, first?.address ?? "", first?.family);
  });
};

// --- hosts ---

/** Without the brackets of an IPv6 address and the dot that may end a name. URL has already resolved 0x7f.1 and its like. */
function hostOf(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

function isForbidden(host: string): boolean {
  return isIn(forbidden, host);
}

function isNear(host: string): boolean {
  return isIn(near, host) || /(^|\.)(localhost|internal|local)$/i.test(host);
}

/** An IPv4 address written as IPv6 (::ffff:127.0.0.1) is found among the IPv4 ones. A name is in no list. */
function isIn(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? "ipv6" : "ipv4");
}
