import { createRequire } from 'node:module'

/** 1 + x^6 + x^8 + x^9 … + x^32 (Castagnoli), bits reversed. */
const POLYNOMIAL = 0x82f63b78

type NativeCrc = (bytes: Uint8Array, initial?: number) => number

let native: NativeCrc | undefined
let table: Int32Array | undefined

/**
 * CRC-32C of `bytes[start, end)` as an unsigned number; "123456789" gives e3069283. Node's zlib has only the other
 * CRC-32, so this is a native module, loaded at the first use: a command that checks nothing does not pay for it.
 */
export function crc32c(bytes: Buffer, start = 0, end = bytes.length): number {
  native ??= loadNative()
  return native(bytes.subarray(start, end))
}

/** Where no binary of the module exists for a platform the result stays right and only the speed is lost. */
function loadNative(): NativeCrc {
  try {
    return createRequire(import.meta.url)('@node-rs/crc32').crc32c
  } catch {
    return bytes => crc32cReference(bytes, 0, bytes.length)
  }
}

/** The same in plain TypeScript, one byte a step: what the native one is tested against. */
export function crc32cReference(bytes: Uint8Array, start = 0, end = bytes.length): number {
  table ??= makeTable()
  let crc = -1
  for (let at = start; at < end; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}

function makeTable(): Int32Array {
  const entries = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : POLYNOMIAL)
    entries[byte] = crc
  }
  return entries
}
