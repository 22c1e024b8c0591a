import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BackwardPartitionRecords } from '../../src/log/backward-records.ts'
import { DamageSkippingReader } from '../../src/log/damage-skipping-reader.ts'
import { PartitionRecords, type SkippedDamage } from '../../src/log/record-stream.ts'
import { LibraryTopic } from '../helpers/library-topic.ts'

/** Ten batches of three records in several segments, of which those with these numbers have a flipped bit. */
async function damagedTopic(...damaged: number[]): Promise<LibraryTopic> {
  const topic = await LibraryTopic.create({ config: new Map([['internal.segment.bytes', '1024']]) })
  for (let batch = 0; batch < 10; batch++)
    await topic.appendValues([0, 1, 2].map(i => `value ${3 * batch + i} ${'x'.repeat(80)}`))
  let number = 0
  for (const log of topic.logs()) {
    const bytes = readFileSync(log)
    for (let at = 0; at < bytes.length; number++) {
      const next = at + bytes.readInt32BE(at + 8) + 12
      if (damaged.includes(number)) bytes[next - 1]! ^= 1
      at = next
    }
    writeFileSync(log, bytes)
  }
  return topic
}

function readBoth(topic: LibraryTopic, from = 0, until = 30) {
  const log = topic.directory.partition('t', 0)
  const reports: { forwards: SkippedDamage[]; backwards: SkippedDamage[] } = { forwards: [], backwards: [] }
  const forwards = new PartitionRecords(log.reader({ from, until }), {
    from,
    until,
    onDamage: damage => reports.forwards.push(damage),
  })
  const range = { from, before: until }
  const batches = new DamageSkippingReader(log, range, damage => reports.backwards.push(damage))
  const backwards = new BackwardPartitionRecords(batches, { from, until })
  const offsets = { forwards: [] as number[], backwards: [] as number[] }
  while (forwards.next()) offsets.forwards.push(forwards.record.offset)
  while (backwards.next()) offsets.backwards.push(backwards.record.offset)
  forwards.close()
  backwards.close()
  return { offsets, reports }
}

test('backwards over any damage gives what forwards over it gives', async () => {
  for (const damaged of [[], [0], [9], [4], [3, 4, 5], [1, 8], [0, 2, 4, 6, 9]]) {
    const { offsets, reports } = readBoth(await damagedTopic(...damaged))
    expect(offsets.backwards, `${damaged}`).toEqual(offsets.forwards.toReversed())
    expect(offsets.forwards.length).toBe(30 - 3 * damaged.length)
    expect(reports.backwards).toEqual(reports.forwards)
  }
})

test('a range is kept to', async () => {
  const topic = await damagedTopic(3, 6)
  for (const [from, until] of [
    [4, 26],
    [8, 13],
    [10, 20],
    [13, 14],
  ] as const) {
    const { offsets } = readBoth(topic, from, until)
    expect(offsets.backwards, `${from}:${until}`).toEqual(offsets.forwards.toReversed())
  }
})
