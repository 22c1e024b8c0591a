import { InvalidArgumentError } from '../errors.ts'
import { type TopicConfigKey, topicConfigKeys } from './topic-config-keys.ts'

export type { TopicConfigKey, TopicConfigType } from './topic-config-keys.ts'
export { topicConfigKeys } from './topic-config-keys.ts'

/** What was set for a topic, Kafka's names and text values. */
export type ConfigOverrides = ReadonlyMap<string, string>

export type TopicCompressionType = 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** The configuration that loglady honours, of one topic, defaults filled in. Sizes in bytes, times in ms. */
export interface TopicConfig {
  /** A segment is closed before it would grow beyond this. */
  readonly segmentBytes: number
  /** … or when records come that are so much younger than its first. Above 2^53 only nearly what was set: "never". */
  readonly segmentMs: number
  /** … or when one of its indexes is full: 8 bytes an entry of `.index`, 12 of `.timeindex`. */
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  /** No batch is larger, header included, before compression. */
  readonly maxMessageBytes: number
  /** 'producer' keeps what the writer chose. */
  readonly compressionType: TopicCompressionType
  readonly messageTimestampType: TimestampType
  /** Records without a key are refused. */
  readonly cleanupPolicyCompact: boolean
}

export interface ConfigEntry {
  name: string
  /** '' for an empty list; internal.segment.bytes has none unless it is set. */
  value: string
  source: 'topic' | 'default'
  honoured: boolean
  /** What a broker would say to the value. */
  note?: string
}

const keysByName: ReadonlyMap<string, TopicConfigKey> = new Map(topicConfigKeys.map(key => [key.name, key]))

/** Throws InvalidArgumentError with a guess at what was meant. */
export function topicConfigKey(name: string): TopicConfigKey {
  const key = keysByName.get(name)
  if (key !== undefined) return key
  const guess = guessName(name)
  throw new InvalidArgumentError(
    `unknown topic configuration ${JSON.stringify(name)}`,
    guess === undefined ? {} : { hint: `did you mean ${guess}?` },
  )
}

/** The value as it is kept: without blanks and leading zeros around it. Throws InvalidArgumentError if Kafka refuses it. */
export function parseTopicConfigValue(name: string, value: string): string {
  const key = topicConfigKey(name)
  const text = value.trim()
  switch (key.type) {
    case 'int':
    case 'long':
      return parseInteger(key, text)
    case 'double':
      return parseDouble(key, text)
    case 'boolean':
      return parseBoolean(key, text)
    case 'string':
      return key.values!.includes(text) ? text : refuse(key, text, `one of ${key.values!.join(', ')}`)
    case 'list':
      return parseList(key, text)
    case 'replicas':
      return parseReplicas(key, text)
  }
}

/**
 * Checks what is to be set for a topic, each value and what has to fit together, and returns the values as they are kept.
 * Throws InvalidArgumentError.
 */
export function checkTopicConfig(overrides: ConfigOverrides): Map<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of overrides) values.set(name, parseTopicConfigValue(name, value))
  checkTogether(values)
  return values
}

/** Throws InvalidArgumentError at a value that nobody could have set. Names that are not known do not matter here. */
export function topicConfig(overrides: ConfigOverrides): TopicConfig {
  const text = (name: string) => effectiveValue(overrides, name)
  const size = (name: string) => Number(text(name))
  return {
    segmentBytes: overrides.has('internal.segment.bytes') ? size('internal.segment.bytes') : size('segment.bytes'),
    segmentMs: size('segment.ms'),
    segmentIndexBytes: size('segment.index.bytes'),
    indexIntervalBytes: size('index.interval.bytes'),
    maxMessageBytes: size('max.message.bytes'),
    compressionType: text('compression.type') as TopicCompressionType,
    messageTimestampType: text('message.timestamp.type') as TimestampType,
    cleanupPolicyCompact: text('cleanup.policy').split(',').includes('compact'),
  }
}

/** Every configuration with its value and where that comes from, sorted by name; names that are not known come last. */
export function describeTopicConfig(overrides: ConfigOverrides): ConfigEntry[] {
  const known = topicConfigKeys
    .filter(key => key.default !== undefined || overrides.has(key.name))
    .map((key): ConfigEntry => {
      const value = overrides.get(key.name)
      const note = value === undefined ? undefined : brokerNote(key.name, value)
      return {
        name: key.name,
        value: value ?? key.default!,
        source: value === undefined ? 'default' : 'topic',
        honoured: key.honoured,
        ...(note === undefined ? {} : { note }),
      }
    })
  const unknown = [...overrides].filter(([name]) => !keysByName.has(name))
  return [
    ...known,
    ...unknown.map(
      ([name, value]): ConfigEntry => ({
        name,
        value,
        source: 'topic',
        honoured: false,
        note: 'no configuration of Kafka 4.3',
      }),
    ),
  ]
}

/** What a broker would say to a value that is fine here, or undefined. */
export function brokerNote(name: string, value: string): string | undefined {
  const { brokerMin } = topicConfigKey(name)
  if (brokerMin === undefined || BigInt(value) >= brokerMin) return undefined
  return `a broker refuses ${name} below ${brokerMin}; it takes small values as internal.segment.bytes`
}

function effectiveValue(overrides: ConfigOverrides, name: string): string {
  const value = overrides.get(name)
  return value === undefined ? topicConfigKey(name).default! : parseTopicConfigValue(name, value)
}

const rangeOf = { int: [-(2n ** 31n), 2n ** 31n - 1n], long: [-(2n ** 63n), 2n ** 63n - 1n] } as const

function parseInteger(key: TopicConfigKey, text: string): string {
  const [lowest, highest] = rangeOf[key.type as 'int' | 'long']
  const min = key.min ?? lowest
  const max = key.max ?? highest
  const expected = `a whole number from ${min} to ${max}${key.also === undefined ? '' : `, or ${key.also}`}`
  if (!/^[+-]?\d{1,40}$/.test(text)) refuse(key, text, expected)
  const value = BigInt(text)
  if ((value < min || value > max) && value !== key.also) refuse(key, text, expected)
  return String(value)
}

function parseDouble(key: TopicConfigKey, text: string): string {
  const value = Number(text)
  // Java takes NaN too, for which no ratio is ever large enough.
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || value < key.min! || value > key.max!) {
    refuse(key, text, `a number from ${key.min} to ${key.max}`)
  }
  return String(value)
}

function parseBoolean(key: TopicConfigKey, text: string): string {
  const lower = text.toLowerCase()
  return lower === 'true' || lower === 'false' ? lower : refuse(key, text, 'true or false')
}

function parseList(key: TopicConfigKey, text: string): string {
  // Kafka 4.3 takes an empty cleanup.policy: nothing is ever deleted or compacted.
  const items = text === '' ? [] : text.split(',').map(item => item.trim())
  for (const item of items) {
    if (!key.values!.includes(item)) refuse(key, text, `a list of ${key.values!.join(', ')}`)
  }
  return [...new Set(items)].join(',')
}

function parseReplicas(key: TopicConfigKey, text: string): string {
  const items = text === '' ? [] : text.split(',').map(item => item.trim())
  if (text !== '*' && !items.every(item => /^\d+:\d+$/.test(item))) {
    refuse(key, text, "'*' or a list of partition:broker")
  }
  return items.join(',')
}

/** Kafka's `LogConfig.validate`, but for what depends on the broker and on earlier values. */
function checkTogether(overrides: ConfigOverrides): void {
  const value = (name: string) => effectiveValue(overrides, name)
  conflictIf(
    BigInt(value('min.compaction.lag.ms')) > BigInt(value('max.compaction.lag.ms')),
    `min.compaction.lag.ms ${value('min.compaction.lag.ms')} is above max.compaction.lag.ms ${value('max.compaction.lag.ms')}`,
  )
  if (value('remote.storage.enable') === 'false') return
  const policy = value('cleanup.policy')
  conflictIf(policy.includes('compact'), `remote.storage.enable does not go with cleanup.policy ${policy}`)
  for (const unit of ['bytes', 'ms']) {
    const total = BigInt(value(`retention.${unit}`))
    const local = BigInt(value(`local.retention.${unit}`))
    // -2 follows the total; -1 is without limit, in either.
    if (local === -2n) continue
    conflictIf(
      total >= 0n && (local === -1n || local > total),
      `local.retention.${unit} ${local} is above retention.${unit} ${total}`,
    )
    conflictIf(
      value('remote.log.copy.disable') === 'true' && local !== total,
      `with remote.log.copy.disable, local.retention.${unit} ${local} must equal retention.${unit} ${total}`,
    )
  }
}

function conflictIf(isConflict: boolean, message: string): void {
  if (isConflict) throw new InvalidArgumentError(message)
}

function refuse(key: TopicConfigKey, text: string, expected: string): never {
  const found = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
  throw new InvalidArgumentError(`${key.name} must be ${expected}, found ${found}`)
}

/** The name that was meant: a flag's spelling, a broker's `log.` in front, or a slip of a letter in about every fourth. */
function guessName(name: string): string | undefined {
  const plain = name
    .toLowerCase()
    .replace(/[-_]/g, '.')
    .replace(/^log\./, '')
  if (keysByName.has(plain)) return plain
  // The distance takes the product of both lengths in time; no name is half as long.
  if (plain.length > 80) return undefined
  const distances = topicConfigKeys.map(key => ({ name: key.name, distance: editDistance(plain, key.name) }))
  const nearest = distances.reduce((best, next) => (next.distance < best.distance ? next : best))
  return nearest.distance <= Math.max(2, Math.floor(plain.length / 4)) ? nearest.name : undefined
}

/** How many letters have to be put in, left out or changed (Levenshtein), row by row. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, n) => n)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const changed = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
