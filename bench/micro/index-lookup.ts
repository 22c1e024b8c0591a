/** Finding an offset or a time in an index: the file is read in small pieces, never whole. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeOffsetEntry, OffsetIndex } from '../../src/log/file/offset-index.ts'
import { encodeTimeEntry, TimeIndex } from '../../src/log/file/time-index.ts'
import { measure } from './measure.ts'

const OFFSET_ENTRY = 8
const TIME_ENTRY = 12
const LOOKUPS = 1000
const folder = mkdtempSync(join(tmpdir(), 'loglady-micro-'))

try {
  // 262,144 entries: a segment of 1 GiB with one for each 4 KiB.
  for (const entries of [100, 4096, 262_144]) {
    const offsets = Buffer.alloc(entries * OFFSET_ENTRY)
    const times = Buffer.alloc(entries * TIME_ENTRY)
    for (let i = 0; i < entries; i++) {
      encodeOffsetEntry(offsets, i * OFFSET_ENTRY, 40 * i + 39, 4096 * i)
      encodeTimeEntry(times, i * TIME_ENTRY, 1_700_000_000_000 + 10 * i, 40 * i + 39)
    }
    const [offsetPath, timePath] = [join(folder, `${entries}.index`), join(folder, `${entries}.timeindex`)]
    writeFileSync(offsetPath, offsets)
    writeFileSync(timePath, times)
    const offsetIndex = OffsetIndex.open(offsetPath, 0)!
    const timeIndex = TimeIndex.open(timePath, 0)!
    let n = 0
    const next = (): number => (n = (n + 0x9e37_79b1) % (40 * entries))
    measure(`find an offset among ${entries} entries`, LOOKUPS, 0, () => {
      for (let i = 0; i < LOOKUPS; i++) offsetIndex.lookup(next())
    })
    measure(`find a time among ${entries} entries`, LOOKUPS, 0, () => {
      for (let i = 0; i < LOOKUPS; i++) timeIndex.lookup(1_700_000_000_000 + next() / 4)
    })
    offsetIndex.close()
    timeIndex.close()
  }
} finally {
  rmSync(folder, { recursive: true })
}
