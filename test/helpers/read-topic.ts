import { DataDirectory, PartitionRecords } from '../../src/log/index.ts'

export interface ReadRecord {
  partition: number
  offset: number
  timestamp: number
  key: Buffer | null
  value: Buffer | null
  headers: [string, string | null][]
}

/** All records of a topic through the engine, partition by partition. */
export function readTopic(path: string, topic = 'default'): ReadRecord[] {
  const directory = DataDirectory.open(path)
  const records: ReadRecord[] = []
  for (const partition of directory.topic(topic).partitions) {
    const reader = new PartitionRecords(directory.partition(topic, partition).reader({ from: 0 }))
    const { record } = reader
    while (reader.next()) {
      const headers = record
        .headers()
        .map(([name, value]): [string, string | null] => [`${name}`, value?.toString() ?? null])
      const { offset, timestamp } = record
      records.push({ partition, offset, timestamp, key: copy(record.key()), value: copy(record.value()), headers })
    }
    reader.close()
  }
  directory.close()
  return records
}

/** The values as text. */
export function readValues(path: string, topic = 'default'): (string | null)[] {
  return readTopic(path, topic).map(({ value }) => value?.toString() ?? null)
}

function copy(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
