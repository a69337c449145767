// Made by `npm run docs` from decoder.ts and bgp/. Change those.

// bgp/address.ts
var Address = class {
  version;
  w0;
  w1;
  w2;
  w3;
  constructor(version, w0, w1 = 0, w2 = 0, w3 = 0) {
    this.version = version;
    this.w0 = w0 | 0;
    this.w1 = w1 | 0;
    this.w2 = w2 | 0;
    this.w3 = w3 | 0;
  }
  /** Dotted quad, or RFC 5952. Also what string templates and JSON print. */
  toString() {
    return formatAddress(this);
  }
  toJSON() {
    return formatAddress(this);
  }
};
function readAddress(version, bytes, at) {
  const word2 = (index) => {
    const o = at + index * 4;
    return bytes[o] << 24 | bytes[o + 1] << 16 | bytes[o + 2] << 8 | bytes[o + 3];
  };
  return version === 4 ? new Address(4, word2(0)) : new Address(6, word2(0), word2(1), word2(2), word2(3));
}
function addressBytes(address) {
  const words = address.version === 4 ? [address.w0] : [address.w0, address.w1, address.w2, address.w3];
  return Uint8Array.from(words.flatMap((word2) => [word2 >>> 24, word2 >>> 16 & 255, word2 >>> 8 & 255, word2 & 255]));
}
function formatAddress(address) {
  return address.version === 4 ? formatIpv4(address.w0) : formatIpv6(address.w0, address.w1, address.w2, address.w3);
}
function formatIpv4(word2) {
  return `${word2 >>> 24}.${word2 >>> 16 & 255}.${word2 >>> 8 & 255}.${word2 & 255}`;
}
function formatIpv6(w0, w1, w2, w3) {
  if (w0 === 0 && w1 === 0 && w2 === 65535) return `::ffff:${formatIpv4(w3)}`;
  const groups = [w0, w1, w2, w3].flatMap((word2) => [word2 >>> 16, word2 & 65535]);
  const gap = longestZeroRun(groups);
  const text = (part) => part.map((group2) => group2.toString(16)).join(":");
  if (gap.length < 2) return text(groups);
  return `${text(groups.slice(0, gap.start))}::${text(groups.slice(gap.start + gap.length))}`;
}
function longestZeroRun(groups) {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (start + length < groups.length && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

// bgp/bytes.ts
function u16(bytes, at) {
  return bytes[at] << 8 | bytes[at + 1];
}
function word(bytes, at) {
  return bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}
function u32(bytes, at) {
  return word(bytes, at) >>> 0;
}
function hex(bytes, at = 0, end = bytes.length) {
  let text = "";
  for (; at < end; at++) text += bytes[at].toString(16).padStart(2, "0");
  return text;
}
var Writer = class {
  #bytes = new Uint8Array(256);
  #length = 0;
  get length() {
    return this.#length;
  }
  u8(value) {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }
  u16(value) {
    return this.u8(value >>> 8).u8(value);
  }
  u32(value) {
    return this.u16(value >>> 16).u16(value);
  }
  bytes(value) {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }
  /** Writes a two-octet length that counts what `body` writes. */
  counted16(body2) {
    const at = this.#length;
    this.u16(0);
    body2();
    const length = this.#length - at - 2;
    this.#bytes[at] = length >>> 8;
    this.#bytes[at + 1] = length;
    return this;
  }
  /** Writes a one-octet length that counts what `body` writes; at most 255 octets. */
  counted8(body2) {
    const at = this.#length;
    this.u8(0);
    body2();
    this.#bytes[at] = this.#length - at - 1;
    return this;
  }
  /** Begins anew in the same buffer. */
  clear() {
    this.#length = 0;
    return this;
  }
  /** A copy of what was written. */
  done() {
    return this.#bytes.slice(0, this.#length);
  }
  #room(octets) {
    if (this.#length + octets <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + octets));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
};

// bgp/family.ts
var families = ["ipv4-unicast", "ipv6-unicast"];
var familyNumbers = {
  "ipv4-unicast": { afi: 1, safi: 1, bits: 32 },
  "ipv6-unicast": { afi: 2, safi: 1, bits: 128 }
};
function familyOf(afi, safi) {
  for (const family of families) {
    if (familyNumbers[family].afi === afi && familyNumbers[family].safi === safi) return family;
  }
  return void 0;
}

// bgp/notification.ts
var reasons = {
  "connection not synchronized": [1, 1],
  "bad message length": [1, 2],
  "bad message type": [1, 3],
  "malformed OPEN": [2, 0],
  "unsupported version number": [2, 1],
  "bad peer AS": [2, 2],
  "bad BGP identifier": [2, 3],
  "unsupported optional parameter": [2, 4],
  "unacceptable hold time": [2, 6],
  "unsupported capability": [2, 7],
  "role mismatch": [2, 11],
  "malformed attribute list": [3, 1],
  "unrecognized well-known attribute": [3, 2],
  "missing well-known attribute": [3, 3],
  "attribute flags error": [3, 4],
  "attribute length error": [3, 5],
  "invalid ORIGIN": [3, 6],
  "invalid NEXT_HOP": [3, 8],
  "optional attribute error": [3, 9],
  "invalid network field": [3, 10],
  "malformed AS_PATH": [3, 11],
  "hold timer expired": [4, 0],
  "finite state machine error": [5, 0],
  "unexpected message in OpenSent": [5, 1],
  "unexpected message in OpenConfirm": [5, 2],
  "unexpected message in Established": [5, 3],
  cease: [6, 0],
  "maximum number of prefixes reached": [6, 1],
  "administrative shutdown": [6, 2],
  "peer de-configured": [6, 3],
  "administrative reset": [6, 4],
  "connection rejected": [6, 5],
  "other configuration change": [6, 6],
  "connection collision resolution": [6, 7],
  "out of resources": [6, 8],
  "hard reset": [6, 9],
  "BFD down": [6, 10],
  "malformed ROUTE-REFRESH": [7, 1],
  "send hold timer expired": [8, 0]
};
var nothing = new Uint8Array(0);
function fault(reason, text, data = nothing) {
  const [code, subcode] = reasons[reason];
  return { kind: "fault", code, subcode, data, text: `${reason}: ${text}` };
}
function isFault(value) {
  return value !== void 0 && "kind" in value && value.kind === "fault";
}
var codes = ["", "header error", "OPEN error", "UPDATE error", "hold timer expired", "state machine error", "cease"];
function describeNotification(code, subcode) {
  const known = Object.entries(reasons).find(([, numbers]) => numbers[0] === code && numbers[1] === subcode);
  return `${known?.[0] ?? codes[code] ?? "unknown error"} (${code}/${subcode})`;
}
function printable(text) {
  return text.slice(0, 255).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

// bgp/framer.ts
var headerLength = 19;
var messageTypes = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 };
var ordinaryMaximumLength = 4096;
var extendedMaximumLength = 65535;
var minimumLengths = [0, 29, 23, 21, 19, 23];
function checkHeader(bytes, at, maximumLength) {
  for (let octet = at; octet < at + 16; octet++) {
    if (bytes[octet] !== 255) return fault("connection not synchronized", "marker is not all ones, RFC 4271 6.1");
  }
  const length = u16(bytes, at + 16);
  const type = bytes[at + 18];
  const extendable = type !== messageTypes.open && type !== messageTypes.keepalive;
  const maximum = extendable ? maximumLength : ordinaryMaximumLength;
  const minimum = minimumLengths[type] ?? headerLength;
  if (length < minimum || length > maximum || type === messageTypes.keepalive && length !== headerLength) {
    const text = `length ${length} of message type ${type}, RFC 4271 6.1`;
    return fault("bad message length", text, bytes.slice(at + 16, at + 18));
  }
  if (type === 0 || type >= minimumLengths.length) {
    return fault("bad message type", `type ${type}, RFC 4271 6.1`, Uint8Array.of(type));
  }
  return void 0;
}

// bgp/annotate/field.ts
function field(name, at, end, value, wrong) {
  return { name, at, end, value: String(value), ...wrong !== void 0 && { wrong }, fields: [] };
}
function group(name, at, end, fields, wrong) {
  return { name, at, end, value: "", ...wrong !== void 0 && { wrong }, fields };
}
function rest(bytes, at, end, wrong) {
  return at < end || wrong !== void 0 ? [field("octets", at, Math.max(at, end), hex(bytes, at, end), wrong)] : [];
}

// bgp/capability.ts
function bare(kind2, code) {
  return {
    code,
    decode: (value) => value.length === 0 ? { kind: kind2 } : void 0,
    encode: () => {
    },
    format: () => kind2
  };
}
function tuples(value, from, size, read) {
  const values = [];
  for (let at = from; at + size <= value.length; at += size) values.push(read(at));
  return values;
}
var pair = ({ afi, safi }) => `${afi}/${safi}`;
var capabilityCodecs = {
  // RFC 4760 section 8: AFI (2)  reserved (1)  SAFI (1)
  multiprotocol: {
    code: 1,
    decode: (value) => value.length === 4 ? { kind: "multiprotocol", afi: u16(value, 0), safi: value[3] } : void 0,
    encode: ({ afi, safi }, into) => void into.u16(afi).u8(0).u8(safi),
    format: (capability) => `multiprotocol ${pair(capability)}`
  },
  "route-refresh": bare("route-refresh", 2),
  // RFC 8950 section 4: AFI (2)  SAFI (2)  next-hop AFI (2)
  "extended-next-hop": {
    code: 5,
    decode: (value) => ({
      kind: "extended-next-hop",
      tuples: tuples(value, 0, 6, (at) => ({
        afi: u16(value, at),
        safi: u16(value, at + 2),
        nextHopAfi: u16(value, at + 4)
      }))
    }),
    encode: (capability, into) => {
      for (const { afi, safi, nextHopAfi } of capability.tuples) into.u16(afi).u16(safi).u16(nextHopAfi);
    },
    format: (capability) => `extended-next-hop ${capability.tuples.map((tuple) => `${pair(tuple)} via ${tuple.nextHopAfi}`).join(", ")}`
  },
  "extended-message": bare("extended-message", 6),
  "graceful-restart": {
    code: 64,
    decode: decodeGracefulRestart,
    encode: (capability, into) => {
      const bits = (capability.restarting ? 32768 : 0) | (capability.notification ? 16384 : 0);
      into.u16(bits | capability.restartTime & 4095);
      for (const { afi, safi, forwarding } of capability.families)
        into.u16(afi).u8(safi).u8(forwarding ? 128 : 0);
    },
    format: (capability) => `graceful-restart ${capability.restartTime} s ${capability.families.map(pair).join(", ")}`.trimEnd()
  },
  "four-octet-asn": {
    code: 65,
    decode: (value) => value.length === 4 ? { kind: "four-octet-asn", asn: u32(value, 0) } : void 0,
    encode: ({ asn }, into) => void into.u32(asn),
    format: ({ asn }) => `four-octet-asn ${asn}`
  },
  // RFC 7911 section 4: AFI (2)  SAFI (1)  receive 1, send 2, both 3 (1); a tuple with another value is ignored
  "add-path": {
    code: 69,
    decode: (value) => ({
      kind: "add-path",
      families: tuples(value, 0, 4, (at) => ({ afi: u16(value, at), safi: value[at + 2], mode: value[at + 3] })).filter(({ mode }) => mode >= 1 && mode <= 3).map(({ afi, safi, mode }) => ({ afi, safi, send: (mode & 2) !== 0, receive: (mode & 1) !== 0 }))
    }),
    encode: (capability, into) => {
      for (const { afi, safi, send, receive } of capability.families) {
        into.u16(afi).u8(safi).u8((send ? 2 : 0) | (receive ? 1 : 0));
      }
    },
    format: (capability) => `add-path ${capability.families.map(pair).join(", ")}`
  },
  "enhanced-route-refresh": bare("enhanced-route-refresh", 70),
  // RFC 9494 section 3.1: AFI (2)  SAFI (1)  flags (1)  stale time (3)
  "long-lived-graceful-restart": {
    code: 71,
    decode: (value) => ({
      kind: "long-lived-graceful-restart",
      families: tuples(value, 0, 7, (at) => ({
        afi: u16(value, at),
        safi: value[at + 2],
        forwarding: (value[at + 3] & 128) !== 0,
        staleTime: u32(value, at + 3) & 16777215
      }))
    }),
    encode: (capability, into) => {
      for (const { afi, safi, forwarding, staleTime } of capability.families)
        into.u16(afi).u8(safi).u32(((forwarding ? 2147483648 : 0) | staleTime & 16777215) >>> 0);
    },
    format: (capability) => `long-lived-graceful-restart ${capability.families.map((one) => `${pair(one)} ${one.staleTime} s`).join(", ")}`.trimEnd()
  },
  fqdn: {
    code: 73,
    decode: decodeFqdn,
    encode: ({ host, domain }, into) => {
      for (const name of [host, domain])
        into.counted8(() => into.bytes(new TextEncoder().encode(name).subarray(0, 127)));
    },
    format: ({ host, domain }) => `fqdn ${[host, domain].filter(Boolean).join(".")}`
  }
};
var kinds = Object.keys(capabilityCodecs);
function decodeCapability(code, value) {
  const kind2 = kinds.find((name) => capabilityCodecs[name].code === code);
  return (kind2 && capabilityCodecs[kind2].decode(value)) ?? { kind: "unknown", code, value: value.slice() };
}
function formatCapability(capability) {
  if (capability.kind === "unknown") return `capability ${capability.code} ${hex(capability.value)}`.trim();
  return codecFor(capability).format(capability);
}
function codecFor(capability) {
  return capabilityCodecs[capability.kind];
}
function decodeGracefulRestart(value) {
  if (value.length < 2) return void 0;
  const first = u16(value, 0);
  return {
    kind: "graceful-restart",
    restarting: (first & 32768) !== 0,
    notification: (first & 16384) !== 0,
    restartTime: first & 4095,
    families: tuples(value, 2, 4, (at) => ({
      afi: u16(value, at),
      safi: value[at + 2],
      forwarding: (value[at + 3] & 128) !== 0
    }))
  };
}
function decodeFqdn(value) {
  const hostEnd = 1 + (value[0] ?? 0);
  const domainEnd = hostEnd + 1 + (value[hostEnd] ?? 0);
  if (value.length === 0 || hostEnd > value.length || domainEnd > Math.max(value.length, hostEnd + 1)) return void 0;
  const text = (at, end) => printable(new TextDecoder().decode(value.subarray(at, end)));
  return { kind: "fqdn", host: text(1, hostEnd), domain: text(hostEnd + 1, domainEnd) };
}

// bgp/attributes/codec.ts
var reactions = ["none", "attribute-discard", "treat-as-withdraw", "session-reset"];
var flags = { optional: 128, transitive: 64, partial: 32, extendedLength: 16 };
function exactly(octets) {
  return (_bytes, at, end) => end - at === octets ? void 0 : `length ${end - at} is not ${octets}`;
}
function multipleOf(octets) {
  return (_bytes, at, end) => end > at && (end - at) % octets === 0 ? void 0 : `length ${end - at} is not a non-zero multiple of ${octets}`;
}

// bgp/attributes/multiprotocol.ts
var mpReachType = 14;
var mpUnreachType = 15;
function readReach(bytes, at, end, from = at) {
  if (end - at < 5) return malformedReach(`MP_REACH_NLRI of ${end - at} octets, RFC 7606 5.3`, bytes, from, end);
  const family = familyOf(u16(bytes, at), bytes[at + 2]);
  const length = bytes[at + 3];
  const hopAt = at + 4;
  const nlriAt = hopAt + length + 1;
  if (nlriAt > end) return malformedReach(`next hop of ${length} octets cut short, RFC 7606 7.11`, bytes, from, end);
  if (family === void 0) return { family, nextHop: void 0, linkLocal: void 0, nlriAt, nlriEnd: end };
  const is6 = length === 16 || length === 32;
  if (!is6 && !(length === 4 && family === "ipv4-unicast"))
    return malformedReach(`${family} next hop of ${length} octets, RFC 7606 7.11`, bytes, from, end);
  const nextHop2 = readAddress(is6 ? 6 : 4, bytes, hopAt);
  const linkLocal = length === 32 ? readAddress(6, bytes, hopAt + 16) : void 0;
  return { family, nextHop: nextHop2, linkLocal, nlriAt, nlriEnd: end };
}
function malformedReach(text, bytes, from, end) {
  return fault("optional attribute error", text, bytes.slice(from, end));
}
function readUnreach(bytes, at, end, from = at) {
  if (end - at < 3) {
    const text = `MP_UNREACH_NLRI of ${end - at} octets, RFC 7606 5.3`;
    return fault("optional attribute error", text, bytes.slice(from, end));
  }
  return { family: familyOf(u16(bytes, at), bytes[at + 2]), nlriAt: at + 3, nlriEnd: end };
}

// bgp/attributes/as-path.ts
var asTrans = 23456;
var segmentTypes = ["set", "sequence", "confed-sequence", "confed-set"];
var longestSegment = 255;
var asnWidth = (fourOctetAsn) => fourOctetAsn ? 4 : 2;
var isConfederation = (segment) => segment.type.startsWith("confed");
var asPath = {
  type: 2,
  name: "AS_PATH",
  optional: false,
  transitive: true,
  malformed: "treat-as-withdraw",
  check: (bytes, at, end, sender) => {
    const width = asnWidth(sender.fourOctetAsn);
    return checkSegments(bytes, at, end, width) ?? checkSegmentTypes(bytes, at, end, width, sender) ?? checkFirst(bytes, at, end, width, sender.firstAsn);
  },
  decode: (bytes, at, end, context2) => readSegments(bytes, at, end, asnWidth(context2.fourOctetAsn)),
  encode: (path, into, context2) => writeSegments(path, into, asnWidth(context2.fourOctetAsn)),
  format: formatAsPath
};
var as4Path = {
  type: 17,
  name: "AS4_PATH",
  optional: true,
  transitive: true,
  malformed: "attribute-discard",
  check: (bytes, at, end) => end > at ? checkSegments(bytes, at, end, 4) : "empty",
  refuse: (bytes, at, end, sender) => checkSegmentTypes(bytes, at, end, 4, { ...sender, external: false }),
  decode: (bytes, at, end) => readSegments(bytes, at, end, 4),
  encode: (path, into) => writeSegments(path, into, 4),
  format: formatAsPath
};
function formatAsPath(path) {
  const brackets = {
    sequence: ["", ""],
    set: ["{", "}"],
    "confed-sequence": ["(", ")"],
    "confed-set": ["[", "]"]
  };
  return path.map(({ type, asns }) => `${brackets[type][0]}${asns.join(" ")}${brackets[type][1]}`).join(" ");
}
function asPathLength(path) {
  return path.reduce((length, segment) => {
    if (isConfederation(segment)) return length;
    return length + (segment.type === "set" ? 1 : segment.asns.length);
  }, 0);
}
function mergeAs4Path(path, as4) {
  const real = withoutConfederation(as4);
  const surplus = asPathLength(path) - asPathLength(real);
  if (surplus < 0) return path;
  return joinSequences([...leadingHops(path, surplus), ...real]);
}
function needsAs4Path(path) {
  return path.some((segment) => segment.asns.some((asn) => asn > 65535));
}
function withoutConfederation(path) {
  return path.filter((segment) => !isConfederation(segment));
}
function leadingHops(path, hops) {
  const taken = [];
  for (const segment of path) {
    if (isConfederation(segment)) {
      taken.push(segment);
    } else if (hops > 0) {
      const asns = segment.type === "set" ? segment.asns : segment.asns.slice(0, hops);
      taken.push({ type: segment.type, asns });
      hops -= segment.type === "set" ? 1 : asns.length;
    }
  }
  return taken;
}
function joinSequences(path) {
  const joined = [];
  for (const segment of path) {
    const last = joined.at(-1);
    const both = last?.type === "sequence" && segment.type === "sequence" ? [...last.asns, ...segment.asns] : void 0;
    if (both && both.length <= longestSegment) joined[joined.length - 1] = { type: "sequence", asns: both };
    else joined.push(segment);
  }
  return joined;
}
function checkSegments(bytes, at, end, width) {
  while (at < end) {
    if (end - at < 2) return "segment header cut short";
    const type = bytes[at];
    const count = bytes[at + 1];
    if (type < 1 || type > segmentTypes.length) return `segment type ${type}`;
    if (count === 0) return "segment without an ASN";
    const next = at + 2 + count * width;
    if (next > end) return `segment of ${count} ASNs cut short`;
    for (let asn = at + 2; asn < next; asn += width) {
      if ((width === 2 ? u16(bytes, asn) : u32(bytes, asn)) === 0) return "AS 0, RFC 7607 2";
    }
    at = next;
  }
  return void 0;
}
function checkSegmentTypes(bytes, at, end, width, { external, asSets = false }) {
  for (; at < end; at += 2 + bytes[at + 1] * width) {
    const type = segmentTypes[bytes[at] - 1];
    if (!asSets && (type === "set" || type === "confed-set")) return "AS_SET, RFC 9774 3";
    if (external && isConfederation({ type })) return "confederation segment from an external peer, RFC 5065 5";
  }
  return void 0;
}
function checkFirst(bytes, at, end, width, firstAsn) {
  if (firstAsn === 0) return void 0;
  if (at === end) return "empty path from an external peer, RFC 4271 6.3";
  const first = width === 2 ? u16(bytes, at + 2) : u32(bytes, at + 2);
  const expected = width === 2 && firstAsn > 65535 ? asTrans : firstAsn;
  return first === expected ? void 0 : `first ASN ${first} is not the peer's ${firstAsn}, RFC 4271 6.3`;
}
function readSegments(bytes, at, end, width) {
  const path = [];
  while (at < end) {
    const type = segmentTypes[bytes[at] - 1];
    const next = at + 2 + bytes[at + 1] * width;
    const asns = [];
    for (at += 2; at < next; at += width) asns.push(width === 2 ? u16(bytes, at) : u32(bytes, at));
    path.push({ type, asns });
  }
  return path;
}
function writeSegments(path, into, width) {
  for (const { type, asns } of path) {
    for (let from = 0; from < asns.length; from += longestSegment) {
      const part = asns.slice(from, from + longestSegment);
      into.u8(segmentTypes.indexOf(type) + 1).u8(part.length);
      for (const asn of part) {
        if (width === 4) into.u32(asn);
        else into.u16(asn > 65535 ? asTrans : asn);
      }
    }
  }
}

// bgp/attributes/basic.ts
var origins = ["igp", "egp", "incomplete"];
var origin = {
  type: 1,
  name: "ORIGIN",
  optional: false,
  transitive: true,
  malformed: "treat-as-withdraw",
  check: (bytes, at, end) => {
    if (end - at !== 1) return `length ${end - at} is not 1`;
    return bytes[at] < origins.length ? void 0 : `value ${bytes[at]}`;
  },
  decode: (bytes, at) => origins[bytes[at]],
  encode: (value, into) => void into.u8(origins.indexOf(value)),
  format: (value) => value
};
var nextHop = {
  type: 3,
  name: "NEXT_HOP",
  optional: false,
  transitive: true,
  malformed: "treat-as-withdraw",
  check: exactly(4),
  decode: (bytes, at) => readAddress(4, bytes, at),
  encode: (value, into) => void into.bytes(addressBytes(value)),
  format: formatAddress
};
var number32 = {
  check: exactly(4),
  decode: u32,
  encode: (value, into) => void into.u32(value),
  format: String
};
var med = {
  type: 4,
  name: "MULTI_EXIT_DISC",
  optional: true,
  transitive: false,
  malformed: "treat-as-withdraw",
  ...number32
};
var localPref = {
  type: 5,
  name: "LOCAL_PREF",
  optional: false,
  transitive: true,
  malformed: "treat-as-withdraw",
  internalOnly: true,
  ...number32
};
var atomicAggregate = {
  type: 6,
  name: "ATOMIC_AGGREGATE",
  optional: false,
  transitive: true,
  malformed: "attribute-discard",
  badFlags: "attribute-discard",
  check: exactly(0),
  decode: () => true,
  encode: () => {
  },
  format: () => "yes"
};
var formatAggregator = (value) => `AS${value.asn} ${formatAddress(value.address)}`;
var aggregator = {
  type: 7,
  name: "AGGREGATOR",
  optional: true,
  transitive: true,
  malformed: "attribute-discard",
  badFlags: "attribute-discard",
  check: (bytes, at, end, { fourOctetAsn }) => checkAggregator(bytes, at, end, fourOctetAsn ? 4 : 2),
  decode: (bytes, at, end) => ({
    asn: end - at === 8 ? u32(bytes, at) : u16(bytes, at),
    address: readAddress(4, bytes, end - 4)
  }),
  encode: (value, into, { fourOctetAsn }) => {
    if (fourOctetAsn) into.u32(value.asn);
    else into.u16(value.asn > 65535 ? asTrans : value.asn);
    into.bytes(addressBytes(value.address));
  },
  format: formatAggregator
};
var as4Aggregator = {
  type: 18,
  name: "AS4_AGGREGATOR",
  optional: true,
  transitive: true,
  malformed: "attribute-discard",
  check: (bytes, at, end) => checkAggregator(bytes, at, end, 4),
  decode: (bytes, at) => ({ asn: u32(bytes, at), address: readAddress(4, bytes, at + 4) }),
  encode: (value, into) => void into.u32(value.asn).bytes(addressBytes(value.address)),
  format: formatAggregator
};
function checkAggregator(bytes, at, end, width) {
  if (end - at !== width + 4) return `length ${end - at} is not ${width + 4}`;
  return (width === 4 ? u32(bytes, at) : u16(bytes, at)) === 0 ? "AS 0, RFC 7607 2" : void 0;
}

// bgp/attributes/communities.ts
var communities = {
  type: 8,
  name: "COMMUNITIES",
  optional: true,
  transitive: true,
  malformed: "treat-as-withdraw",
  check: multipleOf(4),
  decode: (bytes, at, end) => {
    const values = [];
    for (; at < end; at += 4) values.push(u32(bytes, at));
    return values;
  },
  encode: (values, into) => {
    for (const value of distinct(values, (a, b) => a - b)) into.u32(value);
  },
  format: (values) => values.map(formatCommunity).join(" ")
};
var wellKnownCommunities = {
  "graceful-shutdown": 4294901760,
  "llgr-stale": 4294901766,
  "no-llgr": 4294901767,
  blackhole: 4294902426,
  "no-export": 4294967041,
  "no-advertise": 4294967042,
  "no-export-subconfed": 4294967043,
  "no-peer": 4294967044
};
function formatCommunity(value) {
  return `${value >>> 16}:${value & 65535}`;
}
var extendedCommunities = {
  type: 16,
  name: "EXTENDED_COMMUNITIES",
  optional: true,
  transitive: true,
  malformed: "treat-as-withdraw",
  check: multipleOf(8),
  decode: (bytes, at, end) => {
    const values = [];
    for (; at < end; at += 8) values.push({ high: u32(bytes, at), low: u32(bytes, at + 4) });
    return values;
  },
  encode: (values, into) => {
    for (const { high, low } of distinct(values, (a, b) => a.high - b.high || a.low - b.low)) into.u32(high).u32(low);
  },
  format: (values) => values.map(formatExtendedCommunity).join(" ")
};
function formatExtendedCommunity({ high, low }) {
  const kind2 = { 2: "rt", 3: "soo" }[high >>> 16 & 255];
  const type = high >>> 24 & ~64;
  const administrator = (high << 16 | low >>> 16) >>> 0;
  if (kind2 && type === 0) return `${kind2}:${high & 65535}:${low}`;
  if (kind2 && type === 1) return `${kind2}:${formatIpv4(administrator)}:${low & 65535}`;
  if (kind2 && type === 2) return `${kind2}:${administrator}:${low & 65535}`;
  return `0x${high.toString(16).padStart(8, "0")}${low.toString(16).padStart(8, "0")}`;
}
var largeCommunities = {
  type: 32,
  name: "LARGE_COMMUNITIES",
  optional: true,
  transitive: true,
  malformed: "treat-as-withdraw",
  check: multipleOf(12),
  decode: (bytes, at, end) => {
    const values = [];
    for (; at < end; at += 12) values.push([u32(bytes, at), u32(bytes, at + 4), u32(bytes, at + 8)]);
    return values;
  },
  encode: (values, into) => {
    const sorted = distinct(values, (a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    for (const value of sorted) for (const part of value) into.u32(part);
  },
  format: (values) => values.map((value) => value.join(":")).join(" ")
};
function distinct(values, compare) {
  const sorted = [...values].sort(compare);
  return sorted.filter((value, index) => index === 0 || compare(sorted[index - 1], value) !== 0);
}

// bgp/attributes/reflection.ts
var originatorId = {
  type: 9,
  name: "ORIGINATOR_ID",
  optional: true,
  transitive: false,
  malformed: "treat-as-withdraw",
  internalOnly: true,
  check: exactly(4),
  decode: u32,
  encode: (value, into) => void into.u32(value),
  format: formatIpv4
};
var clusterList = {
  type: 10,
  name: "CLUSTER_LIST",
  optional: true,
  transitive: false,
  malformed: "treat-as-withdraw",
  internalOnly: true,
  check: multipleOf(4),
  decode: (bytes, at, end) => {
    const ids = [];
    for (; at < end; at += 4) ids.push(u32(bytes, at));
    return ids;
  },
  encode: (ids, into) => {
    for (const id of ids) into.u32(id);
  },
  format: (ids) => ids.map(formatIpv4).join(" ")
};

// bgp/attributes/registry.ts
var attributeCodecs = {
  origin,
  asPath,
  nextHop,
  med,
  localPref,
  atomicAggregate,
  aggregator,
  communities,
  originatorId,
  clusterList,
  extendedCommunities,
  as4Path,
  as4Aggregator,
  largeCommunities
};
var entries = Object.entries(attributeCodecs);
var byType = [];
for (const entry of entries) byType[entry[1].type] = entry;
function codecOf(type) {
  return byType[type]?.[1];
}
var aigpType = 26;
function attributeName(type) {
  if (type === 14) return "MP_REACH_NLRI";
  if (type === 15) return "MP_UNREACH_NLRI";
  if (type === aigpType) return "AIGP";
  return codecOf(type)?.name ?? `attribute ${type}`;
}
function walkAttributes(bytes, at, end, visit) {
  while (at < end) {
    const extended = (bytes[at] & flags.extendedLength) !== 0;
    const valueAt = at + (extended ? 4 : 3);
    if (valueAt > end) return false;
    const length = extended ? bytes[at + 2] << 8 | bytes[at + 3] : bytes[at + 2];
    if (valueAt + length > end) return false;
    visit(bytes[at], bytes[at + 1], valueAt, valueAt + length);
    at = valueAt + length;
  }
  return true;
}
function decodeAttributes(bytes, at, end, context2) {
  const known = {};
  const unknown = [];
  walkAttributes(bytes, at, end, (attributeFlags, type, valueAt, valueEnd) => {
    const entry = byType[type];
    if (type === 14 || type === 15) return;
    if (entry) known[entry[0]] ??= entry[1].decode(bytes, valueAt, valueEnd, context2);
    else unknown.push({ flags: attributeFlags & 224, type, value: bytes.slice(valueAt, valueEnd) });
  });
  return unknown.length > 0 ? { ...known, unknown } : known;
}
function encodeAttributes(attributes, context2) {
  const { as4Path: _path, as4Aggregator: _aggregator, unknown = [], ...plain } = attributes;
  const shadows = context2.fourOctetAsn ? {} : as4Shadows(attributes);
  const values = { ...plain, ...shadows };
  const list = unknown.map(({ flags: own, type, value }) => ({ flags: own, type, value }));
  for (const [name, codec] of entries) {
    if (values[name] === void 0) continue;
    scratch.clear();
    codec.encode(values[name], scratch, context2);
    if (scratch.length === 0 && name !== "asPath" && name !== "atomicAggregate") continue;
    list.push({ flags: flagsOf(codec), type: codec.type, value: scratch.done() });
  }
  scratch.clear();
  for (const one of list.sort((a, b) => a.type - b.type)) writeAttribute(scratch, one.flags, one.type, one.value);
  return scratch.done();
}
var scratch = new Writer();
function as4Shadows({ asPath: path, aggregator: by }) {
  return {
    ...path && needsAs4Path(path) && { as4Path: withoutConfederation(path) },
    ...by && by.asn > 65535 && { as4Aggregator: by }
  };
}
function flagsOf(codec) {
  return (codec.optional ? flags.optional : 0) | (codec.transitive ? flags.transitive : 0);
}
function writeAttribute(into, attributeFlags, type, value) {
  if (value.length > 255)
    into.u8(attributeFlags | flags.extendedLength).u8(type).u16(value.length);
  else into.u8(attributeFlags).u8(type).u8(value.length);
  into.bytes(value);
}

// bgp/prefix.ts
function mask(length) {
  if (length <= 0) return 0;
  return length >= 32 ? -1 : -1 << 32 - length;
}

// bgp/update.ts
function newUpdateParts() {
  return {
    withdrawnAt: 0,
    withdrawnEnd: 0,
    attributesAt: 0,
    attributesEnd: 0,
    nlriAt: 0,
    nlriEnd: 0,
    reachAt: 0,
    reachEnd: 0,
    reachFrom: 0,
    unreachAt: 0,
    unreachEnd: 0,
    unreachFrom: 0,
    cutShort: false
  };
}
function scanUpdate(bytes, at, end, parts) {
  parts.withdrawnAt = at + 2;
  parts.withdrawnEnd = parts.withdrawnAt + u16(bytes, at);
  if (parts.withdrawnEnd + 2 > end) return fault("malformed attribute list", "withdrawn routes overrun, RFC 7606 3b");
  parts.attributesAt = parts.withdrawnEnd + 2;
  parts.attributesEnd = parts.attributesAt + u16(bytes, parts.withdrawnEnd);
  if (parts.attributesEnd > end) return fault("malformed attribute list", "attributes overrun, RFC 7606 3b");
  parts.nlriAt = parts.attributesEnd;
  parts.nlriEnd = end;
  parts.reachAt = parts.reachEnd = parts.reachFrom = 0;
  parts.unreachAt = parts.unreachEnd = parts.unreachFrom = 0;
  parts.cutShort = false;
  return findMultiprotocol(bytes, parts);
}
function findMultiprotocol(bytes, parts) {
  const end = parts.attributesEnd;
  for (let at = parts.attributesAt; at < end; ) {
    const attributeFlags = bytes[at];
    const extended = (attributeFlags & flags.extendedLength) !== 0;
    const valueAt = at + (extended ? 4 : 3);
    const next = valueAt > end ? end + 1 : valueAt + (extended ? u16(bytes, at + 2) : bytes[at + 2]);
    const type = bytes[at + 1];
    const carriesRoutes = type === mpReachType || type === mpUnreachType;
    if (next > end) {
      parts.cutShort = true;
      if (!carriesRoutes || valueAt > end) return void 0;
      return fault("optional attribute error", `attribute ${type} cut short, RFC 7606 5.3`, bytes.slice(at, end));
    }
    if (carriesRoutes) {
      const repeated = type === mpReachType ? parts.reachAt : parts.unreachAt;
      if (repeated) return fault("malformed attribute list", `attribute ${type} twice, RFC 7606 3g`);
      if ((attributeFlags & (flags.optional | flags.transitive)) !== flags.optional) {
        const text = `flags 0x${attributeFlags.toString(16)} of attribute ${type}, RFC 7606 7.11`;
        return fault("attribute flags error", text, bytes.slice(at, next));
      }
      if (type === mpReachType) {
        parts.reachFrom = at;
        parts.reachAt = valueAt;
        parts.reachEnd = next;
      } else {
        parts.unreachFrom = at;
        parts.unreachAt = valueAt;
        parts.unreachEnd = next;
      }
    }
    at = next;
  }
  return void 0;
}

// bgp/open.ts
var bgpVersion = 4;
var capabilitiesParameter = 2;
var extendedParameters = 255;

// bgp/annotate/open.ts
function openFields(bytes, at, end) {
  const version = bytes[at];
  const wrongVersion = version === bgpVersion ? void 0 : `not ${bgpVersion}, RFC 4271 6.2`;
  const holdTime = u16(bytes, at + 3);
  const wrongTime = holdTime === 1 || holdTime === 2 ? "neither 0 nor at least 3, RFC 4271 6.2" : void 0;
  const identifier = u32(bytes, at + 5);
  return [
    field("version", at, at + 1, version, wrongVersion),
    field("autonomous system", at + 1, at + 3, u16(bytes, at + 1)),
    field("hold time", at + 3, at + 5, `${holdTime} s`, wrongTime),
    field("identifier", at + 5, at + 9, formatIpv4(identifier), identifier === 0 ? "zero, RFC 6286 2.2" : void 0),
    ...parameterFields(bytes, at + 9, end)
  ];
}
function parameterFields(bytes, at, end) {
  const length = bytes[at];
  const extended = length !== 0 && end - at >= 4 && bytes[at + 1] === extendedParameters;
  const from = at + (extended ? 4 : 1);
  const claimed = extended ? u16(bytes, at + 2) : length;
  const wrong = from + claimed === end ? void 0 : `${end - from} octets are there, RFC 4271 6.2`;
  const fields = [field("length of parameters", at, from, claimed, wrong)];
  const headerSize = extended ? 3 : 2;
  for (let next = from; next < end; ) {
    const valueAt = next + headerSize;
    const valueEnd = valueAt > end ? valueAt : valueAt + (extended ? u16(bytes, next + 1) : bytes[next + 1]);
    if (valueEnd > end) return [...fields, ...rest(bytes, next, end, "parameter cut short, RFC 4271 6.2")];
    fields.push(parameter(bytes, next, valueAt, valueEnd));
    next = valueEnd;
  }
  return fields;
}
function parameter(bytes, at, valueAt, end) {
  const type = bytes[at];
  const head = [field("type", at, at + 1, type), field("length", at + 1, valueAt, end - valueAt)];
  if (type !== capabilitiesParameter) {
    return group("parameter", at, end, [...head, ...rest(bytes, valueAt, end)], `type ${type}, RFC 4271 6.2`);
  }
  return group("capabilities", at, end, [...head, ...capabilityFields(bytes, valueAt, end)]);
}
function capabilityFields(bytes, at, end) {
  const fields = [];
  while (at < end) {
    const next = at + 2 + (bytes[at + 1] ?? 0);
    if (at + 2 > end || next > end) return [...fields, ...rest(bytes, at, end, "capability cut short, RFC 5492 4")];
    const value = formatCapability(decodeCapability(bytes[at], bytes.subarray(at + 2, next)));
    fields.push(field(`capability ${bytes[at]}`, at, next, value));
    at = next;
  }
  return fields;
}

// bgp/summary.ts
function newSummary() {
  return {
    origin: 2,
    asPathLength: 0,
    neighbourAsn: 0,
    looped: false,
    med: 0,
    localPref: -1,
    originatorId: 0,
    clusterListLength: 0,
    hasNextHop: false,
    nextHop: 0,
    noExport: false,
    noAdvertise: false,
    gracefulShutdown: false,
    blackhole: false,
    asSet: false,
    longLivedStale: false,
    noLongLived: false
  };
}
function summarize(bytes, at, end, localAsn) {
  const summary = newSummary();
  walkAttributes(bytes, at, end, (_flags, type, valueAt, valueEnd) => {
    switch (type) {
      case origin.type:
        summary.origin = bytes[valueAt];
        break;
      case asPath.type:
        summarizePath(asPath.decode(bytes, valueAt, valueEnd, { fourOctetAsn: true }), localAsn, summary);
        break;
      case nextHop.type:
        summary.hasNextHop = true;
        summary.nextHop = word(bytes, valueAt);
        break;
      case med.type:
        summary.med = u32(bytes, valueAt);
        break;
      case localPref.type:
        summary.localPref = u32(bytes, valueAt);
        break;
      case communities.type:
        for (let value = valueAt; value < valueEnd; value += 4) summarizeCommunity(u32(bytes, value), summary);
        break;
      case originatorId.type:
        summary.originatorId = u32(bytes, valueAt);
        break;
      case clusterList.type:
        summary.clusterListLength = (valueEnd - valueAt) / 4;
        break;
    }
  });
  return summary;
}
function summarizePath(path, localAsn, summary) {
  summary.asPathLength = asPathLength(path);
  const first = path[0];
  summary.neighbourAsn = first?.type === "sequence" ? first.asns[0] : 0;
  summary.asSet = path.some(({ type }) => type === "set" || type === "confed-set");
  summary.looped = path.some((segment) => segment.asns.includes(localAsn));
}
function summarizeCommunity(value, summary) {
  if (value === wellKnownCommunities["no-export"] || value === wellKnownCommunities["no-export-subconfed"]) {
    summary.noExport = true;
  }
  if (value === wellKnownCommunities["no-advertise"]) summary.noAdvertise = true;
  if (value === wellKnownCommunities["graceful-shutdown"]) summary.gracefulShutdown = true;
  if (value === wellKnownCommunities.blackhole) summary.blackhole = true;
  if (value === wellKnownCommunities["llgr-stale"]) summary.longLivedStale = true;
  if (value === wellKnownCommunities["no-llgr"]) summary.noLongLived = true;
}

// bgp/plain-list.ts
var kind = flags.optional | flags.transitive;
var wellKnown = flags.transitive;
var optionalTransitive = flags.optional | flags.transitive;
var optionalOnly = flags.optional;
var sequence = 2;
var mostTypes = 32;
var isRequired = 1 << (origin.type & 31) | 1 << (asPath.type & 31);
function readPlainList(bytes, at, end, sender, into) {
  if (!sender.fourOctetAsn) return false;
  let seen = 0;
  while (at < end) {
    const own = bytes[at];
    const type = bytes[at + 1];
    const extended = (own & flags.extendedLength) !== 0;
    const from = at + (extended ? 4 : 3);
    if (from > end) return false;
    const next = from + (extended ? bytes[at + 2] << 8 | bytes[at + 3] : bytes[at + 2]);
    if (next > end) return false;
    at = next;
    if (type === mpReachType || type === mpUnreachType) continue;
    const bit = 1 << (type & 31);
    if (type > mostTypes || (seen & bit) !== 0) return false;
    seen |= bit;
    if ((own & kind) !== kindOf(type, sender.external)) return false;
    if (!readPlain(type, bytes, from, next, sender, into)) return false;
  }
  return (seen & isRequired) === isRequired;
}
function kindOf(type, external) {
  switch (type) {
    case origin.type:
    case asPath.type:
    case nextHop.type:
    case atomicAggregate.type:
      return wellKnown;
    case med.type:
      return optionalOnly;
    case aggregator.type:
    case communities.type:
    case extendedCommunities.type:
    case largeCommunities.type:
      return optionalTransitive;
    case localPref.type:
      return external ? -1 : wellKnown;
    case originatorId.type:
    case clusterList.type:
      return external ? -1 : optionalOnly;
    default:
      return -1;
  }
}
function readPlain(type, bytes, at, end, sender, into) {
  const length = end - at;
  switch (type) {
    case origin.type:
      into.origin = bytes[at];
      return length === 1 && into.origin < origins.length;
    case asPath.type:
      return readPlainPath(bytes, at, end, sender, into);
    case nextHop.type:
      into.hasNextHop = true;
      into.nextHop = word(bytes, at);
      return length === 4;
    case med.type:
      into.med = u32(bytes, at);
      return length === 4;
    case localPref.type:
      into.localPref = u32(bytes, at);
      return length === 4;
    case atomicAggregate.type:
      return length === 0;
    case aggregator.type:
      return length === 8 && u32(bytes, at) !== 0;
    case communities.type:
      for (let value = at; value + 4 <= end; value += 4) summarizeCommunity(u32(bytes, value), into);
      return length > 0 && length % 4 === 0;
    case extendedCommunities.type:
      return length > 0 && length % 8 === 0;
    case largeCommunities.type:
      return length > 0 && length % 12 === 0;
    case originatorId.type:
      into.originatorId = u32(bytes, at);
      return length === 4;
    default:
      into.clusterListLength = length / 4;
      return length > 0 && length % 4 === 0;
  }
}
function readPlainPath(bytes, at, end, { firstAsn, localAsn }, into) {
  if (at === end) return firstAsn === 0;
  const first = at + 6 <= end ? u32(bytes, at + 2) : 0;
  if (firstAsn !== 0 && first !== firstAsn) return false;
  into.neighbourAsn = first;
  while (at < end) {
    const count = bytes[at + 1];
    if (end - at < 2 || bytes[at] !== sequence || count === 0) return false;
    const next = at + 2 + count * 4;
    if (next > end) return false;
    into.asPathLength += count;
    for (at += 2; at < next; at += 4) {
      const asn = u32(bytes, at);
      if (asn === 0) return false;
      if (asn === localAsn) into.looped = true;
    }
  }
  return true;
}

// bgp/judge.ts
var scratch2 = new Writer();
function judgeAttributes(bytes, at, end, sender) {
  const summary = newSummary();
  if (readPlainList(bytes, at, end, sender, summary)) {
    return { reaction: "none", findings: [], fault: void 0, canonical: void 0, summary };
  }
  return judgeEach(bytes, at, end, sender);
}
function judgeEach(bytes, at, end, sender) {
  const findings = [];
  const seen = /* @__PURE__ */ new Set();
  const kept = scratch2.clear();
  let changed = !sender.fourOctetAsn;
  let resetFault;
  const keep = (valueAt, valueEnd, attributeFlags) => {
    kept.u8(attributeFlags).bytes(bytes.subarray(headerOf(valueAt, attributeFlags) + 1, valueEnd));
  };
  const whole = walkAttributes(bytes, at, end, (attributeFlags, type, valueAt, valueEnd) => {
    if (type === mpReachType || type === mpUnreachType) return;
    const find = (reaction2, text) => {
      findings.push({ reaction: reaction2, attribute: attributeName(type), offset: valueAt - at, text });
    };
    if (seen.has(type)) {
      changed = true;
      find("attribute-discard", "repeated: the first is kept, RFC 7606 3g");
      return;
    }
    seen.add(type);
    const verdict = judgeOne(bytes, type, attributeFlags, valueAt, valueEnd, sender);
    if (verdict.text) find(verdict.reaction, verdict.text);
    if (verdict.reaction === "session-reset" && !resetFault) {
      const octets = bytes.slice(headerOf(valueAt, attributeFlags), valueEnd);
      resetFault = fault("unrecognized well-known attribute", verdict.text ?? "", octets);
    }
    if (verdict.flags === void 0) changed = true;
    else keep(valueAt, valueEnd, verdict.flags);
    if (verdict.flags !== attributeFlags) changed = true;
  });
  if (!whole) {
    findings.push({
      reaction: "treat-as-withdraw",
      attribute: "attribute list",
      offset: end - at,
      text: "ends inside an attribute, RFC 7606 4"
    });
  }
  for (const codec of [origin, asPath]) {
    if (seen.has(codec.type)) continue;
    findings.push({ reaction: "treat-as-withdraw", attribute: codec.name, offset: 0, text: "missing, RFC 7606 3d" });
  }
  const reaction = worst(findings);
  const unusable = reaction === "treat-as-withdraw" || reaction === "session-reset";
  if (unusable) return { reaction, findings, fault: resetFault, canonical: new Uint8Array(0), summary: newSummary() };
  if (!changed) {
    const summary2 = summarize(bytes, at, end, sender.localAsn);
    return { reaction, findings, fault: void 0, canonical: void 0, summary: summary2 };
  }
  const list = kept.done();
  const canonical = sender.fourOctetAsn ? list : widen(list);
  const summary = summarize(canonical, 0, canonical.length, sender.localAsn);
  return { reaction, findings, fault: void 0, canonical, summary };
}
function headerOf(valueAt, attributeFlags) {
  return valueAt - ((attributeFlags & flags.extendedLength) !== 0 ? 4 : 3);
}
function judgeOne(bytes, type, attributeFlags, at, end, sender) {
  const codec = codecOf(type);
  const optional = (attributeFlags & flags.optional) !== 0;
  const transitive = (attributeFlags & flags.transitive) !== 0;
  if (type === aigpType) {
    if (optional && !transitive) return { reaction: "none" };
    return { reaction: "attribute-discard", text: `${flagsText(attributeFlags)}, RFC 7606 3c` };
  }
  if (!codec) {
    if (!optional) return { reaction: "session-reset", text: `unrecognized well-known attribute ${type}, RFC 4271 6.3` };
    return transitive ? { reaction: "none", flags: attributeFlags | flags.partial } : { reaction: "none" };
  }
  if (codec.internalOnly && sender.external) return { reaction: "none" };
  if (codec.optional !== optional || codec.transitive !== transitive) {
    return { reaction: codec.badFlags ?? "treat-as-withdraw", text: `${flagsText(attributeFlags)}, RFC 7606 3c` };
  }
  if (sender.fourOctetAsn && (type === as4Path.type || type === as4Aggregator.type)) return { reaction: "none" };
  const wrong = codec.check(bytes, at, end, sender);
  if (wrong !== void 0) return { reaction: codec.malformed, text: wrong };
  const refused = codec.refuse?.(bytes, at, end, sender);
  if (refused !== void 0) return { reaction: "treat-as-withdraw", text: refused };
  return { reaction: "none", flags: attributeFlags };
}
function flagsText(attributeFlags) {
  return `flags 0x${attributeFlags.toString(16).padStart(2, "0")}`;
}
function worst(findings) {
  return findings.reduce(
    (strongest, { reaction }) => reactions.indexOf(reaction) > reactions.indexOf(strongest) ? reaction : strongest,
    "none"
  );
}
function widen(list) {
  const attributes = decodeAttributes(list, 0, list.length, { fourOctetAsn: false });
  return encodeAttributes(mergeAs4(attributes), { fourOctetAsn: true });
}
function mergeAs4({ as4Path: path4, as4Aggregator: by4, ...attributes }) {
  const { aggregator: by, asPath: path } = attributes;
  if (by && by4 && by.asn !== asTrans) return attributes;
  return {
    ...attributes,
    ...path && path4 && { asPath: mergeAs4Path(path, path4) },
    ...by && by4 && { aggregator: by4 }
  };
}

// bgp/annotate/update.ts
function updateFields(bytes, at, end, context2) {
  const withdrawnAt = at + 2;
  const withdrawnEnd = withdrawnAt + u16(bytes, at);
  const wrong = (length, there, rfc) => length > there ? `${there} octets are there, RFC ${rfc}` : void 0;
  const tooMany = wrong(withdrawnEnd - withdrawnAt, end - withdrawnAt - 2, "7606 3b");
  const first = field("length of withdrawn routes", at, withdrawnAt, withdrawnEnd - withdrawnAt, tooMany);
  if (tooMany) return [first, ...rest(bytes, withdrawnAt, end)];
  const listAt = withdrawnEnd + 2;
  const listEnd = listAt + u16(bytes, withdrawnEnd);
  const tooLong = wrong(listEnd - listAt, end - listAt, "7606 3b");
  const withdrawn = prefixFields("withdrawn", bytes, withdrawnAt, withdrawnEnd, "ipv4-unicast", context2);
  const second = field("length of attributes", withdrawnEnd, listAt, listEnd - listAt, tooLong);
  const fields = [first, ...withdrawn, second];
  if (tooLong) return [...fields, ...rest(bytes, listAt, end)];
  return [
    ...fields,
    ...attributeFields(bytes, listAt, listEnd, listEnd < end, scanUpdate(bytes, at, end, newUpdateParts()), context2),
    ...prefixFields("reachable", bytes, listEnd, end, "ipv4-unicast", context2)
  ];
}
function attributeFields(bytes, at, end, hasRoutes, fault2, context2) {
  const { places, cutAt } = placesOf(bytes, at, end);
  const reaches = hasRoutes || places.some((place2) => bytes[place2.at + 1] === mpReachType);
  const findings = reaches ? findingsOf(bytes, at, end, context2) : [];
  const list = places.map((place2) => {
    const mine = findings.filter((finding) => finding.offset + at === place2.valueAt);
    return attribute(bytes, place2, mine, context2);
  });
  const cut = cutAt < end ? rest(bytes, cutAt, end, "ends inside an attribute, RFC 7606 4") : [];
  const missing = findings.filter(({ offset }) => offset === 0).map(said);
  const wrong = [...fault2 ? [fault2.text] : [], ...missing].join("; ") || void 0;
  if (list.length + cut.length === 0 && wrong === void 0) return [];
  return [group("path attributes", at, end, [...list, ...cut], wrong)];
}
function findingsOf(bytes, at, end, { fourOctetAsn }) {
  const sender = { external: false, fourOctetAsn, localAsn: 0, firstAsn: 0 };
  return judgeAttributes(bytes, at, end, sender).findings;
}
var said = ({ attribute: name, text, reaction }) => `${name}: ${text} (${reaction})`;
function placesOf(bytes, at, end) {
  const places = [];
  while (at < end) {
    const extended = (bytes[at] & flags.extendedLength) !== 0;
    const valueAt = at + (extended ? 4 : 3);
    const next = valueAt > end ? valueAt : valueAt + (extended ? u16(bytes, at + 2) : bytes[at + 2]);
    if (next > end) break;
    places.push({ at, valueAt, end: next });
    at = next;
  }
  return { places, cutAt: at };
}
function attribute(bytes, place2, findings, context2) {
  const { at, valueAt, end } = place2;
  const type = bytes[at + 1];
  const head = [
    field("flags", at, at + 1, flagNames(bytes[at])),
    field("type", at + 1, at + 2, type),
    field("length", at + 2, valueAt, end - valueAt)
  ];
  const wrong = findings.length > 0 ? findings.map(({ text, reaction }) => `${text} (${reaction})`).join("; ") : void 0;
  return group(attributeName(type), at, end, [...head, ...valueFields(bytes, type, valueAt, end, context2)], wrong);
}
function flagNames(octet) {
  const names2 = [
    octet & flags.optional ? "optional" : "well-known",
    octet & flags.transitive ? "transitive" : "non-transitive",
    ...octet & flags.partial ? ["partial"] : [],
    ...octet & flags.extendedLength ? ["extended length"] : []
  ];
  return names2.join(", ");
}
function valueFields(bytes, type, at, end, context2) {
  if (type === mpReachType) return reachFields(bytes, at, end, context2);
  if (type === mpUnreachType) return unreachFields(bytes, at, end, context2);
  const codec = codecOf(type);
  const { fourOctetAsn } = context2;
  const sender = { external: false, fourOctetAsn, localAsn: 0, firstAsn: 0, asSets: true };
  if (!codec || codec.check(bytes, at, end, sender) !== void 0) return rest(bytes, at, end);
  return at === end ? [] : [field("value", at, end, codec.format(codec.decode(bytes, at, end, { fourOctetAsn })))];
}
function reachFields(bytes, at, end, context2) {
  const reach = readReach(bytes, at, end);
  if (isFault(reach)) return rest(bytes, at, end, reach.text);
  const hopAt = at + 4;
  const hopEnd = reach.nlriAt - 1;
  const hop = [reach.nextHop, reach.linkLocal].filter((one) => one !== void 0).map(formatAddress);
  return [
    ...familyFields(bytes, at),
    field("length of next hop", at + 3, hopAt, hopEnd - hopAt),
    field("next hop", hopAt, hopEnd, hop.join(" and ") || hex(bytes, hopAt, hopEnd)),
    field("reserved", hopEnd, reach.nlriAt, bytes[hopEnd]),
    ...prefixFields("reachable", bytes, reach.nlriAt, end, reach.family, context2)
  ];
}
function unreachFields(bytes, at, end, context2) {
  const unreach = readUnreach(bytes, at, end);
  if (isFault(unreach)) return rest(bytes, at, end, unreach.text);
  return [...familyFields(bytes, at), ...prefixFields("withdrawn", bytes, at + 3, end, unreach.family, context2)];
}
function familyFields(bytes, at) {
  const [afi, safi] = [u16(bytes, at), bytes[at + 2]];
  return [field("family", at, at + 3, familyOf(afi, safi) ?? `${afi}/${safi}, which is not read`)];
}
function prefixFields(name, bytes, at, end, family, { addPath }) {
  if (!family) return rest(bytes, at, end);
  const fields = [];
  const identified = addPath.includes(family);
  const [bits, version] = [familyNumbers[family].bits, family === "ipv4-unicast" ? 4 : 6];
  while (at < end) {
    const lengthAt = identified ? at + 4 : at;
    if (lengthAt >= end) return [...fields, ...rest(bytes, at, end, "path identifier cut short, RFC 7911 3")];
    const length = bytes[lengthAt];
    const next = lengthAt + 1 + (length + 7 >> 3);
    if (length > bits) return [...fields, ...rest(bytes, at, end, `prefix of ${length} bits, RFC 7606 5.3`)];
    if (next > end) return [...fields, ...rest(bytes, at, end, "prefix cut short, RFC 7606 5.3")];
    const path = identified ? ` (path ${u32(bytes, at)})` : "";
    fields.push(field(name, at, next, `${prefixText(bytes, lengthAt + 1, next, version, length)}${path}`));
    at = next;
  }
  return fields;
}
function prefixText(bytes, at, end, version, length) {
  const octets = new Uint8Array(16);
  octets.set(bytes.subarray(at, end));
  const word2 = (index) => u32(octets, index * 4) & mask(length - index * 32);
  return `${new Address(version, word2(0), word2(1), word2(2), word2(3))}/${length}`;
}

// bgp/annotate/message.ts
var names = {
  [messageTypes.open]: "OPEN",
  [messageTypes.update]: "UPDATE",
  [messageTypes.notification]: "NOTIFICATION",
  [messageTypes.keepalive]: "KEEPALIVE",
  [messageTypes.routeRefresh]: "ROUTE-REFRESH"
};
function annotate(octets, context2 = { fourOctetAsn: true, addPath: [] }) {
  const fields = [];
  let at = 0;
  while (at < octets.length) {
    const there = octets.length - at;
    if (there < headerLength) {
      return [
        ...fields,
        ...rest(octets, at, octets.length, `${there} octets are no header of ${headerLength}, RFC 4271 4.1`)
      ];
    }
    const wrong = checkHeader(octets, at, extendedMaximumLength);
    const length = u16(octets, at + 16);
    if (wrong || length > there) {
      const text = wrong?.text ?? `${there} octets are there, RFC 4271 4.1`;
      const inside2 = [...header(octets, at), ...rest(octets, at + headerLength, octets.length)];
      return [...fields, group(names[octets[at + 18]] ?? "message", at, octets.length, inside2, text)];
    }
    const end = at + length;
    const type = octets[at + 18];
    const inside = [...header(octets, at), ...body(octets, type, at + headerLength, end, context2)];
    fields.push(group(names[type] ?? "message", at, end, inside));
    at = end;
  }
  return fields;
}
function header(bytes, at) {
  const type = bytes[at + 18];
  const marker = bytes.subarray(at, at + 16).every((octet) => octet === 255) ? "all ones" : hex(bytes, at, at + 16);
  return [
    field("marker", at, at + 16, marker),
    field("length", at + 16, at + 18, u16(bytes, at + 16)),
    field("type", at + 18, at + 19, names[type] ? `${type}, ${names[type]}` : type)
  ];
}
function body(bytes, type, at, end, context2) {
  switch (type) {
    case messageTypes.open:
      return openFields(bytes, at, end);
    case messageTypes.update:
      return updateFields(bytes, at, end, context2);
    case messageTypes.notification:
      return notificationFields(bytes, at, end);
    case messageTypes.routeRefresh:
      return refreshFields(bytes, at, end);
    default:
      return [];
  }
}
function notificationFields(bytes, at, end) {
  const [code, subcode] = [bytes[at], bytes[at + 1]];
  const dataAt = at + 2;
  const fields = [
    field("code", at, at + 1, code),
    field("subcode", at + 1, dataAt, `${subcode}: ${describeNotification(code, subcode)}`)
  ];
  const length = bytes[dataAt] ?? 0;
  const speaks = code === 6 && (subcode === 2 || subcode === 4) && length > 0;
  if (!speaks || dataAt + 1 + length > end) return [...fields, ...rest(bytes, dataAt, end)];
  const textEnd = dataAt + 1 + length;
  const text = printable(new TextDecoder().decode(bytes.subarray(dataAt + 1, textEnd)));
  return [
    ...fields,
    field("length of text", dataAt, dataAt + 1, length),
    field("text", dataAt + 1, textEnd, text),
    ...rest(bytes, textEnd, end)
  ];
}
function refreshFields(bytes, at, end) {
  const [afi, subtype, safi] = [u16(bytes, at), bytes[at + 2], bytes[at + 3]];
  const isMarker = subtype === 1 || subtype === 2;
  const wrong = isMarker && end - at !== 4 ? `${end - at} octets, RFC 7313 5` : void 0;
  const meaning = ["request", "begin", "end"][subtype];
  return [
    field("AFI", at, at + 2, afi),
    field("subtype", at + 2, at + 3, meaning ? `${subtype}, ${meaning}` : subtype),
    field("SAFI", at + 3, at + 4, `${safi}${familyOf(afi, safi) ? `, ${familyOf(afi, safi)}` : ""}`),
    ...rest(bytes, at + 4, end, wrong)
  ];
}

// bgp/files/byte-stream.ts
function fileFault(offset, text) {
  return { kind: "fault", code: 0, subcode: 0, data: new Uint8Array(0), text, offset };
}

// bgp/files/messages.ts
var HexText = class {
  wrong;
  #offset = 0;
  #high;
  #inComment = false;
  take(text) {
    const into = new Uint8Array((text.length >> 1) + 1);
    let length = 0;
    for (const [at, code] of text.entries()) {
      if (this.#inComment || code === hash) {
        this.#inComment = code !== newline;
        continue;
      }
      const digit = digitOf(code);
      if (digit < 0) {
        if (isBetween(code)) continue;
        this.wrong = fileFault(this.#offset + at, `${shown(code)} is no hexadecimal digit`);
        break;
      }
      if (this.#high === void 0) this.#high = digit;
      else {
        into[length++] = this.#high << 4 | digit;
        this.#high = void 0;
      }
    }
    this.#offset += text.length;
    return into.subarray(0, length);
  }
  /** Nothing follows. */
  end() {
    if (this.#high !== void 0) this.wrong ??= fileFault(this.#offset, "ends inside an octet: a digit is missing");
  }
};
var newline = 10;
var hash = 35;
var shown = (code) => code > 32 && code < 127 ? `"${String.fromCharCode(code)}"` : `0x${code.toString(16).padStart(2, "0")}`;
function digitOf(code) {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = (code | 32) - 97;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}
var isBetween = (code) => code >= 9 && code <= 13 || code === 32 || code === 58;

// docs/decoder/decoder.ts
function element(id, kind2) {
  const found = document.getElementById(id);
  if (!(found instanceof kind2)) throw new Error(`no ${id} in the page`);
  return found;
}
var input = element("input", HTMLTextAreaElement);
var output = element("output", HTMLElement);
var octetsView = element("octets", HTMLElement);
var status = element("status", HTMLElement);
var twoOctets = element("two-octets", HTMLInputElement);
var paths = element("paths", HTMLInputElement);
var longest = 64 * 1024;
var context = () => ({
  fourOctetAsn: !twoOctets.checked,
  addPath: paths.checked ? families : []
});
function make(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
function show(field2) {
  const line = [make("span", "name", field2.name)];
  if (field2.value) line.push(make("span", "value", shortened(field2.value)));
  if (field2.wrong !== void 0) line.push(make("strong", "wrong", field2.wrong));
  line.push(make("span", "place", place(field2)));
  if (field2.fields.length === 0) return marked(make("div", "field"), field2, line);
  const tree = make("details", "group");
  tree.open = true;
  tree.append(marked(make("summary", "field"), field2, line), ...field2.fields.map(show));
  return tree;
}
function place({ at, end }) {
  return end - at <= 1 ? `octet ${at}` : `octets ${at} to ${end - 1}`;
}
var shortened = (text) => text.length > 400 ? `${text.slice(0, 400)}\u2026` : text;
var marks = [];
function marked(line, { at, end }, parts) {
  line.append(...parts);
  line.tabIndex = 0;
  const mark = () => {
    for (const octet of marks) octet.classList.remove("marked");
    marks = Array.from({ length: end - at }, (_, index) => octetsView.children[at + index]);
    for (const octet of marks) octet.classList.add("marked");
    const first = marks[0];
    if (first) octetsView.scrollTop = Math.max(0, first.offsetTop - octetsView.offsetTop - 40);
  };
  line.addEventListener("mouseenter", mark);
  line.addEventListener("focus", mark);
  return line;
}
function complaint({ offset, text }) {
  const before = input.value.slice(0, offset).split("\n");
  const character = input.value[offset];
  const what = character === void 0 ? text : `"${character}" is no hexadecimal digit`;
  return `Line ${before.length}, column ${before.at(-1).length + 1}: ${what}.`;
}
var wrongIn = ({ wrong, fields }) => fields.reduce((sum, one) => sum + wrongIn(one), wrong === void 0 ? 0 : 1);
var counted = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
function decode() {
  output.replaceChildren();
  octetsView.replaceChildren();
  marks = [];
  const { text, isWrong } = showOctets();
  status.textContent = text;
  status.className = isWrong ? "wrong" : "";
}
function showOctets() {
  const given = input.value;
  const text = new HexText();
  const octets = text.take(Uint8Array.from({ length: given.length }, (_, at) => Math.min(given.charCodeAt(at), 255)));
  text.end();
  if (text.wrong) return { text: complaint(text.wrong), isWrong: true };
  if (octets.length === 0) return { text: "Paste the octets of BGP messages as hexadecimal digits.", isWrong: false };
  if (octets.length > longest) {
    return { text: `${octets.length} octets are more than the ${longest} that this page shows.`, isWrong: true };
  }
  const messages = annotate(octets, context());
  output.append(...messages.map(show));
  octetsView.append(...Array.from(octets, (octet) => make("span", "", hex(Uint8Array.of(octet)))));
  const wrong = messages.reduce((sum, one) => sum + wrongIn(one), 0);
  const found = `${counted(octets.length, "octet")}, ${counted(messages.length, "message")}`;
  return { text: `${found}, ${wrong === 0 ? "nothing" : counted(wrong, "thing")} wrong.`, isWrong: wrong > 0 };
}
input.addEventListener("input", decode);
twoOctets.addEventListener("change", decode);
paths.addEventListener("change", decode);
for (const button of document.querySelectorAll("button[data-octets]")) {
  button.addEventListener("click", () => {
    input.value = button.dataset["octets"] ?? "";
    decode();
  });
}
function fromLink() {
  if (location.hash.length <= 1) return;
  input.value = location.hash.slice(1);
  decode();
}
window.addEventListener("hashchange", fromLink);
decode();
fromLink();
