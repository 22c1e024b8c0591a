import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ChainHash, putHead } from '../../../src/cli/bench/chain.ts'
import { isWhole } from '../../../src/cli/bench/chain-check.ts'
import { readBack } from '../../../src/cli/bench/read-back.ts'
import { DataDirectory, type PartitionLog } from '../../../src/log/index.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const COUNT = 30_000
const never = new AbortController().signal

function chain(): Buffer[] {
  const hash = new ChainHash()
  return Array.from({ length: COUNT }, (_, sequence) => {
    const record = Buffer.alloc(40, '.')
    putHead(hash, sequence, record, 0, record.length)
    return record
  })
}

async function logOf(records: readonly Buffer[]): Promise<PartitionLog> {
  const directory = DataDirectory.open(temporaryFolder())
  await directory.createTopic('t')
  const appender = await directory.topicAppender('t', { sync: 'never' })
  for (const record of records) {
    while (!appender.append(null, -1, -1, record, 0, record.length)) await appender.flushFull()
  }
  await appender.close()
  directory.close()
  return directory.partition('t', 0)
}

test('a log that has everything is whole', async () => {
  const found = await readBack(await logOf(chain()), COUNT, never)
  expect(found).toMatchObject({ records: COUNT, lost: 0, problem: undefined })
})

test('what the log lacks, has twice or has changed is found', async () => {
  const records = chain()
  const missing = await readBack(await logOf(records.toSpliced(12_345, 1)), COUNT, never)
  expect(missing).toMatchObject({ lost: 1, problem: 'offset 12345 holds record 12346, expected 12345' })
  const twice = await readBack(await logOf(records.toSpliced(500, 0, records[499]!)), COUNT, never)
  expect(twice).toMatchObject({ lost: 0, duplicated: 1 })
  const changed = Buffer.from(records[20_000]!)
  changed[39] = 0x2c
  const altered = await readBack(await logOf(records.toSpliced(20_000, 1, changed)), COUNT, never)
  expect(altered).toMatchObject({ lost: 0, altered: 1 })
})

test('damage of the log is a problem with its place, not an error', async () => {
  const log = await logOf(chain())
  const { logPath } = log.segments()[0]!
  const bytes = readFileSync(logPath)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(logPath, bytes)
  const found = await readBack(log, COUNT, never)
  expect(isWhole(found)).toBe(false)
  expect(found.lost).toBeGreaterThan(0)
  expect(found.problem).toContain(logPath)
})

test('a signal ends the reading', async () => {
  await expect(readBack(await logOf(chain()), COUNT, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
})
