import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { DataDirectory } from '../../src/log/data-directory.ts'
import { GroupCheckpoint, inspect, type KafkaRecord, LogladyError, type SkippedDamage } from '../../src/log/index.ts'
import { goldenCases } from '../helpers/golden.ts'
import { runs, seed } from '../helpers/seed.ts'
import { sharedTemporaryFolder } from '../helpers/temporary-folder.ts'

/** One change of a file's bytes; places and lengths in thousandths of what there is. */
const change = fc.oneof(
  fc.record({ do: fc.constant('flip' as const), at: fc.nat(999), bit: fc.nat(7) }),
  fc.record({
    do: fc.constant('insert' as const),
    at: fc.nat(999),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
  }),
  fc.record({ do: fc.constant('digit' as const), at: fc.nat(999), digit: fc.constantFrom(...'0123456789-\n ') }),
  fc.record({
    do: fc.constantFrom('remove' as const, 'zero' as const, 'repeat' as const),
    at: fc.nat(999),
    length: fc.nat(999),
  }),
  fc.record({ do: fc.constant('cut' as const), at: fc.nat(999) }),
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never
const changes = fc.array(change, { minLength: 1, maxLength: 3 })

function changed(bytes: Buffer, what: Change): Buffer {
  const at = Math.floor((bytes.length * what.at) / 1000)
  switch (what.do) {
    case 'flip': {
      const copy = Buffer.from(bytes)
      if (at < copy.length) copy[at]! ^= 1 << what.bit
      return copy
    }
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), what.bytes, bytes.subarray(at)])
    case 'digit':
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(what.digit), bytes.subarray(at + 1)])
    case 'cut':
      return bytes.subarray(0, at)
    default: {
      const end = at + Math.ceil(((bytes.length - at) * what.length) / 4000)
      const piece = bytes.subarray(at, end)
      const instead = what.do === 'remove' ? [] : what.do === 'zero' ? [Buffer.alloc(end - at)] : [piece, piece]
      return Buffer.concat([bytes.subarray(0, at), ...instead, bytes.subarray(end)])
    }
  }
}

const isOwn = (error: unknown) => error instanceof LogladyError

/** What comes out until it ends or throws; whatever is thrown must be one of ours. */
async function readAll(
  directory: DataDirectory,
  topic: string,
  onDamage?: (damage: SkippedDamage) => void,
): Promise<{ records: KafkaRecord[]; error?: unknown }> {
  const records: KafkaRecord[] = []
  try {
    const options = { order: 'partition' as const, ...(onDamage && { onDamage }) }
    for await (const record of directory.read(topic, options)) records.push(record)
    return { records }
  } catch (error) {
    expect(error).toSatisfy(isOwn)
    return { records, error }
  }
}

async function inspectAll(path: string): Promise<void> {
  try {
    for await (const report of inspect(path, { checkRecords: true })) expect(report.verdict).toBeTypeOf('string')
  } catch (error) {
    expect(error).toSatisfy(isOwn)
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.name.endsWith('lock'))
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

const folder = sharedTemporaryFolder()
const own = join(folder, 'own')
let originals: Map<number, KafkaRecord>[]

beforeAll(async () => {
  const directory = DataDirectory.open(own, { create: true })
  await directory.createTopic('t', { partitions: 2, config: { 'segment.bytes': 4096, 'index.interval.bytes': 300 } })
  for (const [i, compression] of (['none', 'gzip', 'snappy', 'lz4', 'zstd', 'none'] as const).entries()) {
    const records = Array.from({ length: 40 }, (_, n) => ({
      key: `key ${n}`,
      value: n % 9 === 0 ? null : `value ${i} ${n} ${'x'.repeat(n)}`,
      timestamp: 1000 + 40 * i + n,
      headers: { number: `${n}` },
    }))
    await directory.append('t', records, { compression, batchBytes: 400, partition: i % 2 })
  }
  const group = GroupCheckpoint.open(own, 'g')
  group.join()
  await group.commit(new Map([['t 0', 7]]))
  group.close()
  originals = []
  for (const partition of [0, 1]) {
    const records = await Array.fromAsync(directory.read('t', { partitions: [partition] }))
    originals.push(new Map(records.map(record => [record.offset, record])))
  }
  directory.close()
})

function expectTrue(records: KafkaRecord[]): void {
  const reached = [-1, -1]
  for (const record of records) {
    const { partition = 0, offset } = record
    expect(record).toEqual(originals[partition]!.get(offset))
    expect(offset).toBeGreaterThan(reached[partition]!)
    reached[partition] = offset
  }
}

test(`a directory with one changed file never gives a wrong record, and only errors that say what is wrong (seed ${seed})`, async () => {
  const files = filesBelow(own)
  await fc.assert(
    fc.asyncProperty(fc.nat(files.length - 1), changes, async (number, list) => {
      const path = join(own, files[number]!)
      const bytes = readFileSync(path)
      const after = list.reduce(changed, bytes)
      writeFileSync(path, after)
      try {
        const directory = DataDirectory.open(own)
        const { records, error } = await readAll(directory, 't')
        expectTrue(records)
        if (/\.(index|timeindex)$/.test(path)) {
          expect([records.length, error]).toEqual([240, undefined])
          checkTimes(directory)
        }
        expectTrue((await readAll(directory, 't', () => {})).records)
        await inspectAll(path)
        try {
          GroupCheckpoint.open(own, 'g').read()
        } catch (failure) {
          expect(failure).toSatisfy(isOwn)
        }
      } finally {
        writeFileSync(path, bytes)
      }
    }),
    { seed, numRuns: runs(70) },
  )
})

function checkTimes(directory: DataDirectory): void {
  for (const partition of [0, 1]) {
    const log = directory.partition('t', partition)
    for (let time = 990; time < 1250; time += 13) {
      const expected = [...originals[partition]!.values()].find(({ timestamp }) => timestamp >= time)
      expect(log.offsetForTimestamp(time)?.offset, `time ${time}`).toBe(expected?.offset)
    }
  }
}

test(`a writer opens a directory with one changed file and appends, or says what is wrong (seed ${seed})`, async () => {
  const files = filesBelow(own)
  let count = 0
  await fc.assert(
    fc.asyncProperty(fc.nat(files.length - 1), changes, async (number, list) => {
      const copy = join(folder, `copy-${count++}`)
      cpSync(own, copy, { recursive: true })
      const path = join(copy, files[number]!)
      writeFileSync(path, list.reduce(changed, readFileSync(path)))
      const directory = DataDirectory.open(copy)
      try {
        const before = (await readAll(directory, 't')).records.length
        const { partitions } = await directory.append('t', [{ value: 'more', partition: 1, timestamp: 5000 }])
        const { records } = await readAll(directory, 't')
        expectTrue(records.filter(({ timestamp }) => timestamp < 5000))
        expect(records.length).toBeLessThanOrEqual(before + 1)
        const added = records.find(({ timestamp }) => timestamp === 5000)
        if (added !== undefined) expect(added.offset).toBe(partitions[0]!.baseOffset)
      } catch (error) {
        expect(error).toSatisfy(isOwn)
      } finally {
        directory.close()
      }
    }),
    { seed, numRuns: runs(20) },
  )
})

test(`what a broker left, with one changed file, is read or refused, and never hangs (seed ${seed})`, async () => {
  const cases = goldenCases().map(golden => {
    const copy = join(folder, golden.name.replaceAll('/', '_'))
    cpSync(golden.logDirectory, copy, { recursive: true })
    return { copy, files: filesBelow(copy) }
  })
  await fc.assert(
    fc.asyncProperty(fc.nat(999), fc.nat(999), changes, async (which, file, list) => {
      const { copy, files } = cases[Math.floor((cases.length * which) / 1000)]!
      const path = join(copy, files[Math.floor((files.length * file) / 1000)]!)
      const bytes = readFileSync(path)
      writeFileSync(path, list.reduce(changed, bytes))
      try {
        const directory = DataDirectory.open(copy)
        for (const { name } of directory.topics()) {
          await readAll(directory, name)
          await readAll(directory, name, () => {})
        }
        await inspectAll(path)
      } catch (error) {
        expect(error).toSatisfy(isOwn)
      } finally {
        writeFileSync(path, bytes)
      }
    }),
    { seed, numRuns: runs(30) },
  )
})
