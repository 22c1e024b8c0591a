import { DataDirectory } from '../../src/log/index.ts'

export interface TestRecord {
  key?: string | null
  value: string | null
  timestamp?: number
  partition?: number
}

/** Appends through the engine, in this process, for tests that only need a log to be there. Makes the topic if it is missing. */
export async function appendRecords(
  path: string,
  topic: string,
  records: Iterable<TestRecord>,
  options: { partitions?: number; config?: Record<string, string> } = {},
): Promise<void> {
  const directory = DataDirectory.open(path, { create: true })
  try {
    if (!directory.hasTopic(topic)) {
      const config = new Map(Object.entries(options.config ?? {}))
      await directory.createTopic(topic, { partitions: options.partitions ?? 1, config })
    }
    const appender = await directory.topicAppender(topic, { sync: 'never', lingerMs: 60_000 })
    for (const { key = null, value, timestamp, partition } of records) {
      const keyBytes = key === null ? null : Buffer.from(key)
      const valueBytes = value === null ? null : Buffer.from(value)
      const fields = { timestamp, partition }
      while (!appender.append(keyBytes, 0, keyBytes?.length ?? 0, valueBytes, 0, valueBytes?.length ?? 0, fields)) {
        await appender.flushFull()
      }
    }
    await appender.close()
  } finally {
    directory.close()
  }
}
