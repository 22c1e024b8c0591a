/** `node bench/micro/all.ts`: every kernel; each file here also runs alone. */
import './encode.ts'
import './decode.ts'
import './checksum.ts'
import './varint.ts'
import './index-lookup.ts'
