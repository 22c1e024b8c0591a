import { cpSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { reindexSegment } from '../../../src/log/maintenance/reindex.ts'
import { reindexTargets } from '../../../src/log/maintenance/reindex-targets.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

/** index.interval.bytes of the topics when Kafka wrote them, where it was not the default; found by trying. */
const intervals: [RegExp, number][] = [
  [/^(?:compact|records-deleted|retained|seg-bytes)/, 512],
  [/^(?:killed-rolled|preallocated-rolled|seg-index-full)/, 256],
  [/^seg-append-time/, 700],
  [/^txn-segments/, 128],
  [/^golden-0/, 1024],
]

function intervalOf(folder: string): number {
  return intervals.find(([pattern]) => pattern.test(basename(folder)))?.[1] ?? 4096
}

/** Every partition of which Kafka left indexes. */
const folders = [...new Set(goldenFiles('.index').map(path => dirname(path)))]

describe('a fresh build gives the bytes that Kafka wrote', () => {
  test.each(folders.map(folder => [goldenName(folder), folder]))('%s', async (_name, folder) => {
    const copy = join(temporaryFolder(), basename(folder))
    cpSync(folder, copy, { recursive: true })
    for (const segment of reindexTargets(copy)) {
      const name = basename(segment.logPath, '.log')
      const result = await reindexSegment(segment, { all: true, indexIntervalBytes: intervalOf(folder) })
      expect(result).toMatchObject({ isRebuilt: true, isStale: false, index: 'right', timeIndex: 'right' })
      const built = readFileSync(join(copy, `${name}.index`))
      const builtTimes = readFileSync(join(copy, `${name}.timeindex`))
      const original = readFileSync(join(folder, `${name}.index`))
      const originalTimes = readFileSync(join(folder, `${name}.timeindex`))
      if (isPadded(originalTimes)) {
        // A killed broker's: no entry was forced yet, and zeros follow.
        expect(zeroPadded(built, original.length), name).toEqual(original)
        const times = [builtTimes, builtTimes.subarray(0, -12)].map(bytes => zeroPadded(bytes, originalTimes.length))
        expect(times, name).toContainEqual(originalTimes)
      } else {
        expect(built, name).toEqual(original)
        expect(builtTimes, name).toEqual(originalTimes)
      }
    }
  })
})

test('36 segments and more of a live broker were compared', () => {
  expect(goldenFiles('.index').filter(path => path.includes('/broker/')).length).toBeGreaterThan(100)
})

test.each(folders.map(folder => [goldenName(folder), folder]))(
  'the check finds nothing stale in %s',
  async (_name, folder) => {
    for (const segment of reindexTargets(folder)) {
      const result = await reindexSegment(segment, { check: true })
      expect(result, segment.logPath).toMatchObject({
        index: 'right',
        timeIndex: 'right',
        isStale: false,
        isRebuilt: false,
      })
    }
  },
)

function isPadded(bytes: Buffer): boolean {
  return bytes.length >= 24 && bytes.subarray(-12).every(byte => byte === 0)
}

function zeroPadded(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length))])
}
