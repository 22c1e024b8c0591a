export type TopicConfigType = 'int' | 'long' | 'double' | 'boolean' | 'string' | 'list' | 'replicas'

export interface TopicConfigKey {
  readonly name: string
  readonly type: TopicConfigType
  /** As text, the way Kafka prints it; undefined only for a key of Kafka's own tests, which stands for another. */
  readonly default: string | undefined
  /** What the value may be, beside what the type says. */
  readonly min?: bigint | number
  readonly max?: bigint | number
  readonly values?: readonly string[]
  /** One value below `min` that has a meaning of its own. */
  readonly also?: bigint
  /** Whether loglady does what it says; the others are only kept, for a broker that gets the topic. */
  readonly honoured: boolean
  /** A broker refuses less (loglady does not, so that tests and small machines can have small segments). */
  readonly brokerMin?: bigint
}

type Rest = Omit<TopicConfigKey, 'name' | 'type' | 'default' | 'honoured'> & { honoured?: boolean }

function key(type: TopicConfigType, name: string, defaultValue: string | undefined, rest: Rest = {}): TopicConfigKey {
  return { name, type, default: defaultValue, honoured: false, ...rest }
}

const maxLong = '9223372036854775807'
const compressionTypes = ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer']

/**
 * All topic configurations of Kafka 4.3 with their defaults and limits, as `LogConfig.configKeys()` of kafka-storage 4.3.1
 * prints them; sorted by name. Two differences: segment.bytes and the internal key are allowed down to 1024 here.
 */
export const topicConfigKeys: readonly TopicConfigKey[] = [
  key('list', 'cleanup.policy', 'delete', { values: ['compact', 'delete'], honoured: true }),
  key('int', 'compression.gzip.level', '-1', { min: 1, max: 9, also: -1n }),
  key('int', 'compression.lz4.level', '9', { min: 1, max: 17 }),
  key('string', 'compression.type', 'producer', { values: compressionTypes, honoured: true }),
  key('int', 'compression.zstd.level', '3', { min: -131072, max: 22 }),
  key('long', 'delete.retention.ms', '86400000', { min: 0 }),
  key('long', 'file.delete.delay.ms', '60000', { min: 0 }),
  key('long', 'flush.messages', maxLong, { min: 1 }),
  key('long', 'flush.ms', maxLong, { min: 0 }),
  key('replicas', 'follower.replication.throttled.replicas', ''),
  key('int', 'index.interval.bytes', '4096', { min: 0, honoured: true }),
  // No default: stands in for segment.bytes where it is set, and a broker takes small values of it.
  key('int', 'internal.segment.bytes', undefined, { min: 1024, honoured: true }),
  key('replicas', 'leader.replication.throttled.replicas', ''),
  key('long', 'local.retention.bytes', '-2', { min: -2 }),
  key('long', 'local.retention.ms', '-2', { min: -2 }),
  key('long', 'max.compaction.lag.ms', maxLong, { min: 1 }),
  key('int', 'max.message.bytes', '1048588', { min: 0, honoured: true }),
  key('long', 'message.timestamp.after.max.ms', '3600000', { min: 0 }),
  key('long', 'message.timestamp.before.max.ms', maxLong, { min: 0 }),
  key('string', 'message.timestamp.type', 'CreateTime', { values: ['CreateTime', 'LogAppendTime'], honoured: true }),
  key('double', 'min.cleanable.dirty.ratio', '0.5', { min: 0, max: 1 }),
  key('long', 'min.compaction.lag.ms', '0', { min: 0 }),
  key('int', 'min.insync.replicas', '1', { min: 1 }),
  key('boolean', 'preallocate', 'false'),
  key('boolean', 'remote.log.copy.disable', 'false'),
  key('boolean', 'remote.log.delete.on.disable', 'false'),
  key('boolean', 'remote.storage.enable', 'false'),
  key('long', 'retention.bytes', '-1'),
  key('long', 'retention.ms', '604800000', { min: -1 }),
  key('int', 'segment.bytes', '1073741824', { min: 1024, brokerMin: 1048576n, honoured: true }),
  key('int', 'segment.index.bytes', '10485760', { min: 4, honoured: true }),
  key('long', 'segment.jitter.ms', '0', { min: 0 }),
  key('long', 'segment.ms', '604800000', { min: 1, honoured: true }),
  key('boolean', 'unclean.leader.election.enable', 'false'),
]
