import { expect, test } from 'vitest'
import {
  brokerNote,
  checkTopicConfig,
  describeTopicConfig,
  parseTopicConfigValue,
  topicConfig,
  topicConfigKey,
  topicConfigKeys,
} from '../../../src/log/file/topic-config.ts'

const maxLong = '9223372036854775807'

/** `LogConfig.configKeys()` of kafka-storage 4.3.1: name, type, default, and what its validator prints. */
const ofKafka = `
cleanup.policy LIST [delete] [compact, delete]
compression.gzip.level INT -1 [1,...,9] or -1
compression.lz4.level INT 9 [1,...,17]
compression.type STRING producer [uncompressed, zstd, lz4, snappy, gzip, producer]
compression.zstd.level INT 3 [-131072,...,22]
delete.retention.ms LONG 86400000 [0,...]
file.delete.delay.ms LONG 60000 [0,...]
flush.messages LONG 9223372036854775807 [1,...]
flush.ms LONG 9223372036854775807 [0,...]
follower.replication.throttled.replicas LIST [] [partitionId]:[brokerId],[partitionId]:[brokerId],...
index.interval.bytes INT 4096 [0,...]
internal.segment.bytes INT null null
leader.replication.throttled.replicas LIST [] [partitionId]:[brokerId],[partitionId]:[brokerId],...
local.retention.bytes LONG -2 [-2,...]
local.retention.ms LONG -2 [-2,...]
max.compaction.lag.ms LONG 9223372036854775807 [1,...]
max.message.bytes INT 1048588 [0,...]
message.timestamp.after.max.ms LONG 3600000 [0,...]
message.timestamp.before.max.ms LONG 9223372036854775807 [0,...]
message.timestamp.type STRING CreateTime [CreateTime, LogAppendTime]
min.cleanable.dirty.ratio DOUBLE 0.5 [0,...,1]
min.compaction.lag.ms LONG 0 [0,...]
min.insync.replicas INT 1 [1,...]
preallocate BOOLEAN false null
remote.log.copy.disable BOOLEAN false null
remote.log.delete.on.disable BOOLEAN false null
remote.storage.enable BOOLEAN false null
retention.bytes LONG -1 null
retention.ms LONG 604800000 [-1,...]
segment.bytes INT 1073741824 [1048576,...]
segment.index.bytes INT 10485760 [4,...]
segment.jitter.ms LONG 0 [0,...]
segment.ms LONG 604800000 [1,...]
unclean.leader.election.enable BOOLEAN false null
`
  .trim()
  .split('\n')
  .map(line => line.split(' '))
  .map(([name, type, value, ...rest]) => ({ name: name!, type: type!, value: value!, valid: rest.join(' ') }))

test('the names are those of Kafka 4.3, in their order', () => {
  expect(topicConfigKeys.map(key => key.name)).toEqual(ofKafka.map(key => key.name))
})

test.each(ofKafka)('$name has Kafka’s type, default and limits', ({ name, type, value, valid }) => {
  const key = topicConfigKey(name)
  const types = {
    int: 'INT',
    long: 'LONG',
    double: 'DOUBLE',
    boolean: 'BOOLEAN',
    string: 'STRING',
    list: 'LIST',
  } as const
  expect(key.type === 'replicas' ? 'LIST' : types[key.type]).toBe(type)
  expect(key.default ?? 'null').toBe(type === 'LIST' ? value.slice(1, -1) : value)
  if (key.values !== undefined) expect(`[${key.values.join(', ')}]`).toBe(valid)
  const range = /^\[(-?\d+),...(?:,(-?\d+))?\]/.exec(valid)
  const min = String(key.brokerMin ?? key.min)
  if (range !== null) expect([min, String(key.max)]).toEqual([range[1], range[2] ?? 'undefined'])
  // What Kafka has for a default it would also take.
  if (key.default !== undefined) expect(parseTopicConfigValue(name, key.default)).toBe(key.default)
})

/** What `LogConfig.validate` of 4.3.1 answered, and how the value is kept. */
test.each([
  ['cleanup.policy', '', ''],
  ['cleanup.policy', ' ', ''],
  ['cleanup.policy', 'compact,delete', 'compact,delete'],
  ['cleanup.policy', 'compact , delete', 'compact,delete'],
  ['cleanup.policy', 'delete,delete', 'delete'],
  ['cleanup.policy', ' delete ', 'delete'],
  ['segment.bytes', ' 1048576 ', '1048576'],
  ['segment.bytes', '+1048576', '1048576'],
  ['segment.bytes', '01048576', '1048576'],
  ['segment.bytes', '2147483647', '2147483647'],
  ['segment.ms', maxLong, maxLong],
  ['retention.ms', '-1', '-1'],
  ['retention.bytes', '-5', '-5'],
  ['preallocate', 'TRUE', 'true'],
  ['preallocate', ' true ', 'true'],
  ['unclean.leader.election.enable', 'false ', 'false'],
  ['compression.type', 'uncompressed', 'uncompressed'],
  ['compression.type', ' gzip', 'gzip'],
  ['message.timestamp.type', 'LogAppendTime', 'LogAppendTime'],
  ['min.cleanable.dirty.ratio', '1', '1'],
  ['min.cleanable.dirty.ratio', '.5', '0.5'],
  ['min.cleanable.dirty.ratio', '5e-1', '0.5'],
  ['compression.gzip.level', '-1', '-1'],
  ['compression.gzip.level', '9', '9'],
  ['compression.lz4.level', '17', '17'],
  ['compression.zstd.level', '-131072', '-131072'],
  ['compression.zstd.level', '22', '22'],
  ['leader.replication.throttled.replicas', '', ''],
  ['leader.replication.throttled.replicas', '*', '*'],
  ['leader.replication.throttled.replicas', '0:1, 1:2', '0:1,1:2'],
  ['local.retention.bytes', '-2', '-2'],
  ['max.message.bytes', '0', '0'],
  ['index.interval.bytes', '0', '0'],
  ['segment.index.bytes', '4', '4'],
  ['message.timestamp.after.max.ms', '0', '0'],
])('%s takes %j', (name, value, kept) => {
  expect(parseTopicConfigValue(name, value)).toBe(kept)
})

/** Refused by Kafka too, but for NaN and Java's other spellings of numbers. */
test.each([
  ['cleanup.policy', 'none', 'a list of compact, delete'],
  ['cleanup.policy', 'none,delete', 'a list of compact, delete'],
  ['cleanup.policy', 'Compact', 'a list of compact, delete'],
  ['cleanup.policy', 'compact,', 'a list of compact, delete'],
  ['cleanup.policy', ',', 'a list of compact, delete'],
  ['segment.bytes', '1023', 'a whole number from 1024 to 2147483647'],
  ['segment.bytes', '2147483648', 'a whole number from 1024 to 2147483647'],
  ['segment.bytes', '', 'a whole number from 1024 to 2147483647'],
  ['segment.bytes', '1e7', 'a whole number from 1024 to 2147483647'],
  ['segment.bytes', '1048576.0', 'a whole number from 1024 to 2147483647'],
  ['segment.bytes', '0x100000', 'a whole number from 1024 to 2147483647'],
  ['segment.bytes', '9'.repeat(50), 'a whole number from 1024 to 2147483647'],
  ['segment.ms', '0', `a whole number from 1 to ${maxLong}`],
  ['segment.ms', '9223372036854775808', `a whole number from 1 to ${maxLong}`],
  ['retention.ms', '-2', `a whole number from -1 to ${maxLong}`],
  ['retention.bytes', 'x', `a whole number from -9223372036854775808 to ${maxLong}`],
  ['preallocate', 'yes', 'true or false'],
  ['preallocate', '', 'true or false'],
  ['compression.type', 'none', 'one of uncompressed, zstd, lz4, snappy, gzip, producer'],
  ['compression.type', 'ZSTD', 'one of uncompressed, zstd, lz4, snappy, gzip, producer'],
  ['message.timestamp.type', 'createtime', 'one of CreateTime, LogAppendTime'],
  ['min.cleanable.dirty.ratio', '1.1', 'a number from 0 to 1'],
  ['min.cleanable.dirty.ratio', '-0.1', 'a number from 0 to 1'],
  ['min.cleanable.dirty.ratio', 'NaN', 'a number from 0 to 1'],
  ['min.cleanable.dirty.ratio', '.', 'a number from 0 to 1'],
  ['compression.gzip.level', '0', 'a whole number from 1 to 9, or -1'],
  ['compression.gzip.level', '-2', 'a whole number from 1 to 9, or -1'],
  ['compression.lz4.level', '0', 'a whole number from 1 to 17'],
  ['compression.zstd.level', '23', 'a whole number from -131072 to 22'],
  ['leader.replication.throttled.replicas', 'none', "'*' or a list of partition:broker"],
  ['leader.replication.throttled.replicas', '0-1', "'*' or a list of partition:broker"],
  ['leader.replication.throttled.replicas', '*,0:1', "'*' or a list of partition:broker"],
  ['follower.replication.throttled.replicas', '-1:1', "'*' or a list of partition:broker"],
  ['local.retention.ms', '-3', `a whole number from -2 to ${maxLong}`],
  ['min.insync.replicas', '0', 'a whole number from 1 to 2147483647'],
  ['segment.index.bytes', '3', 'a whole number from 4 to 2147483647'],
  ['internal.segment.bytes', '1023', 'a whole number from 1024 to 2147483647'],
])('%s does not take %j', (name, value, expected) => {
  const found = JSON.stringify(value)
  expect(() => parseTopicConfigValue(name, value)).toThrowError(
    expect.objectContaining({
      code: 'LOGLADY_INVALID_ARGUMENT',
      message: `${name} must be ${expected}, found ${found}`,
    }),
  )
})

test.each([
  ['segment-bytes', 'segment.bytes'],
  ['segment_bytes', 'segment.bytes'],
  ['SEGMENT.BYTES', 'segment.bytes'],
  ['log.segment.bytes', 'segment.bytes'],
  ['log.retention.ms', 'retention.ms'],
  ['segmet.byts', 'segment.bytes'],
  ['compresion.type', 'compression.type'],
  ['cleanup.policies', 'cleanup.policy'],
])('an unknown %s is answered with %s', (name, guess) => {
  expect(() => topicConfigKey(name)).toThrowError(
    expect.objectContaining({
      code: 'LOGLADY_INVALID_ARGUMENT',
      message: `unknown topic configuration "${name}"`,
      hint: `did you mean ${guess}?`,
    }),
  )
})

test.each(['nonsense', '', 'constructor', '__proto__', 'message.format.version', 'x'.repeat(100_000)])(
  'what is like no name is answered without a guess (case %#)',
  name => {
    let error: unknown
    try {
      topicConfigKey(name)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'LOGLADY_INVALID_ARGUMENT' })
    expect(error).not.toHaveProperty('hint')
  },
)

test('without overrides the defaults hold', () => {
  expect(topicConfig(new Map())).toEqual({
    segmentBytes: 1073741824,
    segmentMs: 604800000,
    segmentIndexBytes: 10485760,
    indexIntervalBytes: 4096,
    maxMessageBytes: 1048588,
    compressionType: 'producer',
    messageTimestampType: 'CreateTime',
    cleanupPolicyCompact: false,
  })
})

test('overrides show in the typed view, those that are only kept do not matter', () => {
  const config = topicConfig(
    new Map([
      ['segment.bytes', '65536'],
      ['segment.ms', maxLong],
      ['compression.type', 'zstd'],
      ['message.timestamp.type', 'LogAppendTime'],
      ['cleanup.policy', 'delete,compact'],
      ['retention.ms', '5'],
      ['from.the.future', 'x'],
    ]),
  )
  expect(config).toMatchObject({
    segmentBytes: 65536,
    compressionType: 'zstd',
    messageTimestampType: 'LogAppendTime',
    cleanupPolicyCompact: true,
  })
  expect(config.segmentMs).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
})

test('internal.segment.bytes stands in for segment.bytes', () => {
  const overrides = new Map([
    ['segment.bytes', '1048576'],
    ['internal.segment.bytes', '10240'],
  ])
  expect(topicConfig(overrides).segmentBytes).toBe(10240)
})

test('a value that nobody could have set is refused where it would be used', () => {
  expect(() => topicConfig(new Map([['segment.bytes', '-1']]))).toThrowError(/^segment\.bytes must be /)
  expect(topicConfig(new Map([['retention.ms', 'x']])).segmentBytes).toBe(1073741824)
})

test('what is set together is kept as it will be read', () => {
  const checked = checkTopicConfig(
    new Map([
      ['segment.bytes', ' 0002048'],
      ['preallocate', 'TRUE'],
    ]),
  )
  expect([...checked]).toEqual([
    ['segment.bytes', '2048'],
    ['preallocate', 'true'],
  ])
})

const remote = ['remote.storage.enable', 'true'] as const
test.each([
  [[['min.compaction.lag.ms', '10']], undefined],
  [
    [
      ['min.compaction.lag.ms', '10'],
      ['max.compaction.lag.ms', '5'],
    ],
    'min.compaction.lag.ms 10 is above max.compaction.lag.ms 5',
  ],
  [[remote], undefined],
  [[remote, ['cleanup.policy', '']], undefined],
  [[remote, ['cleanup.policy', 'compact']], 'remote.storage.enable does not go with cleanup.policy compact'],
  [[remote, ['retention.ms', '1000'], ['local.retention.ms', '1000']], undefined],
  [
    [remote, ['retention.ms', '1000'], ['local.retention.ms', '1001']],
    'local.retention.ms 1001 is above retention.ms 1000',
  ],
  [
    [remote, ['retention.ms', '1000'], ['local.retention.ms', '-1']],
    'local.retention.ms -1 is above retention.ms 1000',
  ],
  [[remote, ['retention.ms', '-1'], ['local.retention.ms', '-1']], undefined],
  [
    [remote, ['retention.bytes', '1000'], ['local.retention.bytes', '1001']],
    'local.retention.bytes 1001 is above retention.bytes 1000',
  ],
  [[remote, ['retention.bytes', '1000'], ['local.retention.bytes', '-2']], undefined],
  [[remote, ['remote.log.copy.disable', 'true']], undefined],
  [
    [remote, ['remote.log.copy.disable', 'true'], ['local.retention.ms', '5']],
    'with remote.log.copy.disable, local.retention.ms 5 must equal retention.ms 604800000',
  ],
  [[remote, ['remote.log.copy.disable', 'true'], ['local.retention.ms', '604800000']], undefined],
  [
    [
      ['local.retention.ms', '1001'],
      ['retention.ms', '1000'],
    ],
    undefined,
  ],
] as [[string, string][], string | undefined][])('%j together: %s', (overrides, message) => {
  if (message === undefined) expect(checkTopicConfig(new Map(overrides)).size).toBe(overrides.length)
  else expect(() => checkTopicConfig(new Map(overrides))).toThrowError(message)
})

test('a description has every key with its source, and says what is honoured', () => {
  const entries = describeTopicConfig(
    new Map([
      ['segment.bytes', '65536'],
      ['retention.ms', '-1'],
      ['from.the.future', 'x'],
    ]),
  )
  expect(entries).toHaveLength(topicConfigKeys.length - 1 + 1)
  expect(entries.find(entry => entry.name === 'segment.bytes')).toEqual({
    name: 'segment.bytes',
    value: '65536',
    source: 'topic',
    honoured: true,
    note: 'a broker refuses segment.bytes below 1048576; it takes small values as internal.segment.bytes',
  })
  expect(entries.find(entry => entry.name === 'retention.ms')).toEqual({
    name: 'retention.ms',
    value: '-1',
    source: 'topic',
    honoured: false,
  })
  expect(entries.find(entry => entry.name === 'segment.ms')).toEqual({
    name: 'segment.ms',
    value: '604800000',
    source: 'default',
    honoured: true,
  })
  expect(entries.at(-1)).toMatchObject({ name: 'from.the.future', note: 'no configuration of Kafka 4.3' })
  expect(entries.filter(entry => entry.honoured).map(entry => entry.name)).toEqual([
    'cleanup.policy',
    'compression.type',
    'index.interval.bytes',
    'max.message.bytes',
    'message.timestamp.type',
    'segment.bytes',
    'segment.index.bytes',
    'segment.ms',
  ])
})

test('a broker has nothing to say to 1 MiB', () => {
  expect(brokerNote('segment.bytes', '1048576')).toBeUndefined()
  expect(brokerNote('segment.bytes', '1048575')).toMatch(/^a broker refuses /)
  expect(brokerNote('retention.ms', '5')).toBeUndefined()
})
