import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/**
 * Never asked, by any scheme or name: link-local addresses, where AWS keeps instance metadata and container credentials
 * (169.254.169.254, 169.254.170.2, fd00:ec2::254), the unspecified ones, which mean this very machine, and what is no address
 * of one machine (multicast, reserved, 6to4).
 */
const forbidden = listOf(["169.254.0.0/16", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"]);
for (const [net, prefix] of [
  ["fe80::", 10],
  ["fd00:ec2::", 32],
  ["::", 128],
  ["ff00::", 8],
  ["2002::", 16],
] as const) {
  forbidden.addSubnet(net, prefix, "ipv6");
}

/** This machine: on Lambda, the runtime's own API and the extensions. */
const loopback = listOf(["127.0.0.0/8"]);
loopback.addAddress("::1", "ipv6");

/** A network of one's own: RFC 1918, the shared space of RFC 6598, and unique local addresses (RFC 4193). */
const privateNetwork = listOf(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]);
privateNetwork.addSubnet("fc00::", 7, "ipv6");

/** A name or address leads where it may not; `why` is fit to be shown, and goes on after the host's name. */
export class ForbiddenAddress extends Error {
  override readonly name = "ForbiddenAddress";
  readonly why: string;

  constructor(why: string) {
    super(why);
    this.why = why;
  }
}

/** The networks that a policy lists. undefined: it lists none, and what the host is called decides. */
export type Allowed = BlockList | undefined;

/**
 * The networks that a policy lists, such as "10.20.0.0/16" or "fd12::/48".
 * @returns undefined when one of them is no network
 */
export function networksOf(texts: readonly string[]): BlockList | undefined {
  const list = new BlockList();
  for (const text of texts) {
    const [, net = "", prefix = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
    const family = isIP(net);
    if (family === 0 || Number(prefix) > (family === 6 ? 128 : 32)) return undefined;
    list.addSubnet(net, Number(prefix), family === 6 ? "ipv6" : "ipv4");
  }
  return list;
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
  if (isIn(forbidden, host)) {
    return "must not name a link-local, metadata, multicast or unspecified address";
  }
  if (url.protocol === "http:" && !isNear(host)) {
    return "must begin with https://: plain http is for loopback and private addresses, and for names that end in .internal or .local";
  }
  return undefined;
}

/** Whether a URL with an address in it keeps to the networks that a policy lists. One with a name is judged at its look-up. */
export function staysWithin(text: string, allowed: BlockList): boolean {
  const host = URL.canParse(text) ? hostOf(new URL(text).hostname) : "";
  return isIP(host) === 0 || isIn(allowed, host);
}

/**
 * A request's name look-up that refuses addresses at which the host may not be asked. The request connects to the very
 * addresses that were checked, so a name that changes its answer in between gains nothing.
 *
 * 1. Never: what is forbidden for everybody.
 * 2. The policy lists networks: in these, and nowhere else.
 * 3. It lists none, and the name is one of this machine (localhost): loopback, and private addresses.
 * 4. ... the name ends in .internal or .local: everything but loopback.
 * 5. ... any other name: public addresses only. A name that somebody else may point elsewhere leads into no private network.
 *
 * An address in the URL itself is not looked up: faultOfUrl and staysWithin have judged it.
 */
export function lookupWithin(allowed: Allowed): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const why = addresses
        .map(({ address }) => faultOf(hostname, address, allowed))
        .find((each) => each !== undefined);
      if (why !== undefined) return callback(new ForbiddenAddress(why), []);
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? "", first?.family);
    });
  };
}

// --- hosts ---

function faultOf(hostname: string, address: string, allowed: Allowed): string | undefined {
  const host = hostOf(hostname);
  if (isIn(forbidden, address)) {
    return "leads to a link-local, metadata, multicast or unspecified address: such an address is never asked";
  }
  if (allowed !== undefined) {
    return isIn(allowed, address) ? undefined : "leads to an address that is in none of the policy's addresses";
  }
  if (isIn(loopback, address)) {
    return THIS_MACHINE.test(host) ? undefined : "leads to this machine itself, and is not called localhost";
  }
  if (!isIn(privateNetwork, address) || isNear(host)) return undefined;
  return "leads to a private address, which the policy does not name: list its network in addresses, if that is meant";
}

/** Without the brackets of an IPv6 address and the dot that may end a name. URL has already resolved 0x7f.1 and its like. */
function hostOf(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

/** Where plain HTTP is allowed, and a private address no surprise. */
function isNear(host: string): boolean {
  return isIn(loopback, host) || isIn(privateNetwork, host) || THIS_MACHINE.test(host) || OWN_NAME.test(host);
}

const THIS_MACHINE = /(^|\.)localhost$/i;
const OWN_NAME = /(^|\.)(internal|local)$/i;

/** An IPv4 address written as IPv6 (::ffff:127.0.0.1) is found among the IPv4 ones. A name is in no list. */
function isIn(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? "ipv6" : "ipv4");
}

/** IPv4 networks, and the same behind NAT64 (64:ff9b::/96). */
function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [net = "", prefix] = network.split("/");
    list.addSubnet(net, Number(prefix), "ipv4");
    const [a = 0, b = 0, c = 0, d = 0] = net.split(".").map(Number);
    const mapped = [a * 256 + b, c * 256 + d].map((each) => each.toString(16)).join(":");
    list.addSubnet(`64:ff9b::${mapped}`, 96 + Number(prefix), "ipv6");
  }
  return list;
}
