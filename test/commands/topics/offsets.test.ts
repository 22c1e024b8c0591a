import { expect, test } from 'vitest'
import { appendRecords } from '../../helpers/append-records.ts'
import { loglady, runLoglady } from '../../helpers/run-loglady.ts'
import { sharedTemporaryFolder } from '../../helpers/temporary-folder.ts'

const dir = sharedTemporaryFolder()
const first = Date.UTC(2026, 0, 1)

test('a line for each partition, as kafka-get-offsets prints them', async () => {
  const records = Array.from({ length: 10 }, (_, n) => ({
    value: `v${n}`,
    partition: n % 2,
    timestamp: first + n * 1000,
  }))
  await appendRecords(dir, 'events', records, { partitions: 3 })
  expect(await loglady(['topics', 'offsets', 'events'], { dir })).toBe('events:0:5\nevents:1:5\nevents:2:0\n')
  expect(await loglady(['topics', 'offsets', 'events', '--time', 'earliest'], { dir })).toBe(
    'events:0:0\nevents:1:0\nevents:2:0\n',
  )
})

test('at a time: the first offset that is not before it, or none', async () => {
  const at = (time: string, ...args: string[]) =>
    loglady(['topics', 'offsets', 'events', '--time', time, ...args], { dir })
  expect(await at('2026-01-01T00:00:03Z')).toBe('events:0:2\nevents:1:1\nevents:2:\n')
  expect(await at(String(first + 9000), '-p', '0,1')).toBe('events:0:\nevents:1:4\n')
  expect(await at('max-timestamp')).toBe('events:0:4\nevents:1:4\nevents:2:\n')
  expect(await at('max-timestamp', '-J', '-p1')).toBe(
    `{"topic":"events","partition":1,"offset":4,"timestamp":${first + 9000}}\n`,
  )
  expect(await at('now', '-J', '-p', '2')).toBe('{"topic":"events","partition":2,"offset":null,"timestamp":null}\n')
})

test('kafka-get-offsets’ numbers mean the same', async () => {
  for (const [number, name] of [
    ['-1', 'latest'],
    ['-2', 'earliest'],
    ['-3', 'max-timestamp'],
  ] as const) {
    const [ours, kafkas] = await Promise.all(
      [name, number].map(time => loglady(['topics', 'offsets', 'events', '--time', time], { dir })),
    )
    expect(kafkas).toBe(ours)
  }
})

test('TOPIC/PARTITION and -p pick partitions', async () => {
  expect(await loglady(['topics', 'offsets', 'events/1'], { dir })).toBe('events:1:5\n')
  expect(await loglady(['topics', 'offsets', 'events', '-p', '2,0'], { dir })).toBe('events:0:5\nevents:2:0\n')
  for (const args of [
    ['events/3'],
    ['events', '-p', '0,3'],
    ['events/1', '-p', '1'],
    ['nope'],
    ['events', '--time', 'soon'],
  ]) {
    expect((await runLoglady(['topics', 'offsets', ...args], { dir })).exitCode).toBe(2)
  }
})
