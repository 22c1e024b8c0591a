import { DataDirectory, inspect } from 'loglady'

const directory = DataDirectory.open('./orders-data', { create: true })
await directory.createTopic('orders', { partitions: 3, config: { 'compression.type': 'zstd' } })

// Append. Durable when the promise resolves; records with the same key stay in one partition, in order.
const { partitions } = await directory.append('orders', [
  { key: 'alice', value: 'one apple', headers: { source: 'web' } },
  { key: 'dave', value: 'two pears' },
])
for (const { partition, baseOffset } of partitions) console.log(`written to partition ${partition} at ${baseOffset}`)

// Append for as long as the program runs: written within 5 ms, synced once a second, or when you say so.
const appender = await directory.topicAppender('orders')
await appender.send({ key: 'alice', value: 'three plums', timestamp: new Date() })
await appender.sync()

// Read: all partitions, merged by timestamp, until where the log ended at the call.
for await (const { partition, offset, key, value } of directory.read('orders')) {
  console.log(`${partition}:${offset} ${key} ${value}`)
}

// Follow: whatever any process appends, until the signal.
const stop = new AbortController()
const news = directory.follow('orders', { from: 'end', signal: stop.signal })
await appender.send({ key: 'erin', value: 'four quinces' })
for await (const { value } of news) {
  console.log(`just in: ${value}`)
  stop.abort()
}
await appender.close()
directory.close()

// Inspect: what is in each file, and whether it is right.
for await (const { path, kind, verdict } of inspect('./orders-data')) {
  if (kind === 'log') console.log(path.split('/').slice(-2).join('/'), verdict)
}
