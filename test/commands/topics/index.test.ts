import { expect, test } from 'vitest'
import { appendRecords } from '../../helpers/append-records.ts'
import { loglady, logladyInShell, runLoglady } from '../../helpers/run-loglady.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'
import { hasTerminal, runInTerminal } from '../../helpers/terminal.ts'

test('lists topics by name: partitions, records, bytes and the span of times', async () => {
  const dir = temporaryFolder()
  const at = (timestamp: number, partition: number) => ({ value: 'x', timestamp, partition })
  await appendRecords(dir, 'events', [at(3000, 0), at(1000, 1), at(9000, 1), at(2000, 1)], { partitions: 3 })
  await appendRecords(dir, 'a.empty', [])
  const rows = (await loglady(['topics', '-J'], { dir }))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(rows).toEqual([
    { topic: 'a.empty', partitions: 1, records: 0, bytes: 0, firstTimestamp: null, lastTimestamp: null },
    { topic: 'events', partitions: 3, records: 4, bytes: rows[1].bytes, firstTimestamp: 1000, lastTimestamp: 9000 },
  ])
  expect(rows[1].bytes).toBeGreaterThan(2 * 61)
  const plain = `a.empty\t1\t0\t0\t-\t-\nevents\t3\t4\t${rows[1].bytes}\t1000\t9000\n`
  expect(await loglady(['topics'], { dir })).toBe(plain)
  expect(await loglady(['topics', 'list'], { dir })).toBe(plain)
})

test('an empty directory has no topics, and says so only on stderr', async () => {
  const dir = temporaryFolder()
  const { exitCode, stdout, stderr } = await runLoglady(['topics'], { dir })
  expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 0, stdout: '' })
  expect(stderr).toBe(`loglady topics: no topics in ${dir}\n`)
  expect(await loglady(['topics', '-J'], { dir })).toBe('')
})

test.skipIf(!hasTerminal)(
  'on a terminal: a table with headings, human sizes and local times, in colour unless NO_COLOR',
  async () => {
    const dir = temporaryFolder()
    const timestamp = new Date(2026, 0, 31, 14, 30, 15).getTime()
    await appendRecords(dir, 'events', [{ value: 'x'.repeat(5000), timestamp }])
    const { shown } = await runInTerminal(`${logladyInShell} topics`, { dir })
    expect(shown.split('\n')[0]).toContain('\u001b[1mTOPIC\u001b[22m')
    const { shown: plain } = await runInTerminal(`NO_COLOR=1 ${logladyInShell} topics`, { dir })
    expect(plain.split('\n')).toEqual([
      'TOPIC   PARTITIONS  RECORDS     SIZE  FIRST                LAST',
      'events           1        1  5.0 KiB  2026-01-31 14:30:15  2026-01-31 14:30:15',
      '',
    ])
    const { shown: always } = await runInTerminal(`NO_COLOR=1 ${logladyInShell} topics --color always`, { dir })
    expect(always).toBe(shown)
  },
)
