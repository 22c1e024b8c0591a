import { expect, test } from 'vitest'
import { appendRecords } from '../../helpers/append-records.ts'
import { loglady, runLoglady } from '../../helpers/run-loglady.ts'
import { sharedTemporaryFolder } from '../../helpers/temporary-folder.ts'

const dir = sharedTemporaryFolder()

test('partitions with their offsets, and every configuration with its source and effect', async () => {
  const records = Array.from({ length: 5 }, (_, n) => ({ value: `v${n}`, partition: n % 2 }))
  await appendRecords(dir, 'events', records, {
    partitions: 2,
    config: { 'retention.ms': '-1', 'segment.bytes': '65536' },
  })
  const { topic, id, partitions, config } = JSON.parse(await loglady(['topics', 'describe', 'events', '-J'], { dir }))
  expect({ topic, id }).toEqual({ topic: 'events', id: expect.stringMatching(/^[\w-]{22}$/) })
  expect(partitions).toEqual([
    {
      partition: 0,
      logStartOffset: 0,
      logEndOffset: 3,
      segments: 1,
      bytes: expect.any(Number),
      recoveryPoint: expect.any(Number),
    },
    {
      partition: 1,
      logStartOffset: 0,
      logEndOffset: 2,
      segments: 1,
      bytes: expect.any(Number),
      recoveryPoint: expect.any(Number),
    },
  ])
  expect(config).toContainEqual({ name: 'retention.ms', value: '-1', source: 'topic', honoured: false })
  expect(config).toContainEqual(
    expect.objectContaining({ name: 'segment.bytes', value: '65536', source: 'topic', honoured: true }),
  )
  expect(config).toContainEqual({ name: 'max.message.bytes', value: '1048588', source: 'default', honoured: true })
})

test('elsewhere than on a terminal: lines of three kinds, divided by tabs', async () => {
  const lines = (await loglady(['topics', 'describe', 'events'], { dir }))
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'))
  expect([...new Set(lines.map(([kind]) => kind))]).toEqual(['topic', 'partition', 'config'])
  expect(lines.filter(([kind]) => kind === 'partition').map(columns => columns.slice(0, 4))).toEqual([
    ['partition', '0', '0', '3'],
    ['partition', '1', '0', '2'],
  ])
  expect(lines).toContainEqual(['config', 'retention.ms', '-1', 'topic', 'kept for a broker'])
})

test('a topic that is not there: exit 2, and which there are', async () => {
  const { exitCode, stderr } = await runLoglady(['topics', 'describe', 'nope'], { dir })
  expect(exitCode).toBe(2)
  expect(stderr).toBe(`loglady topics describe: ${dir}: no topic nope\nhint: there are: events\n`)
})
