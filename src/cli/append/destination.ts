import { statSync } from 'node:fs'
import {
  AlreadyExistsError,
  checkTopicName,
  type DataDirectory,
  InvalidArgumentError,
  NotFoundError,
} from '../../log/index.ts'
import { defaultTopic, parseTarget, type TopicTarget } from '../positional.ts'
import { formatQuantity } from '../sizes.ts'

/** Kafka's keys that are flags of `append` too, dots turned to dashes. */
export const configFlagKeys = ['segment.bytes', 'index.interval.bytes', 'max.message.bytes'] as const
export type ConfigFlagKey = (typeof configFlagKeys)[number]

export interface WantedTopic {
  partitions?: number | undefined
  config: ReadonlyMap<ConfigFlagKey, number>
}

export interface Source extends TopicTarget {
  /** `-` is stdin, and is what is read without any FILE. */
  files: string[]
}

/** What `append [TOPIC] [FILE…]` means. Throws for a FILE that is not there, before anything is made or written. */
export function parseSource(positionals: readonly string[], partitionFlag?: number): Source {
  const [first = defaultTopic, ...files] = positionals
  const { topic, partition = partitionFlag } = parseTarget(first)
  if (partition !== partitionFlag && partitionFlag !== undefined) {
    throw new InvalidArgumentError(`${first} and --partition ${partitionFlag} name two partitions`)
  }
  checkTopicName(topic)
  for (const file of files) {
    if (file !== '-' && statSync(file, { throwIfNoEntry: false }) === undefined) {
      throw new NotFoundError('no such file', { path: file })
    }
  }
  return { topic, ...(partition === undefined ? {} : { partition }), files: files.length === 0 ? ['-'] : files }
}

/** `append access.log`: a file that is no topic was hardly meant to name one. */
export function refuseFileAsTopic(positionals: readonly string[], hasTopic: (topic: string) => boolean): void {
  const [only] = positionals
  if (only === undefined || positionals.length > 1) return
  const stats = statSync(only, { throwIfNoEntry: false })
  if (stats === undefined || stats.isDirectory() || hasTopic(only.split('/')[0]!)) return
  throw new InvalidArgumentError(`${only} is a file and no topic`, {
    hint: `"loglady append ${defaultTopic} ${only}" appends the file, "loglady append ${only} -" appends stdin to a topic of that name`,
  })
}

/**
 * Makes the topic if it is not there, with the partitions and configuration that are wanted; compares them if it is. Throws
 * InvalidArgumentError where they differ, with the command that would change the topic.
 */
export async function prepareTopic(
  directory: DataDirectory,
  target: TopicTarget,
  wanted: WantedTopic,
  onNote: (note: string) => void,
): Promise<void> {
  const { topic, partition } = target
  const { partitions = 1 } = wanted
  if (!directory.hasTopic(topic)) {
    if (partition !== undefined && partition >= partitions) {
      throw new InvalidArgumentError(
        `a new topic ${topic} with ${formatQuantity(partitions, 'partition')} would have no partition ${partition}`,
        {
          hint: `--partitions ${partition + 1} makes it with so many`,
        },
      )
    }
    const config = new Map(Array.from(wanted.config, ([key, value]) => [key, String(value)]))
    try {
      await directory.createTopic(topic, { partitions, config })
      onNote(`made the topic ${topic} with ${formatQuantity(partitions, 'partition')}`)
      return
    } catch (error) {
      // Another append was faster: its topic is looked at like any other.
      if (!(error instanceof AlreadyExistsError)) throw error
    }
  }
  checkTopic(directory, topic, wanted)
}

function checkTopic(directory: DataDirectory, name: string, { partitions, config }: WantedTopic): void {
  const topic = directory.topic(name)
  const has = topic.partitions.length
  if (partitions !== undefined && partitions !== has) {
    const hint = partitions > has ? { hint: `loglady topics alter ${name} --partitions ${partitions}` } : {}
    throw new InvalidArgumentError(`topic ${name} has ${formatQuantity(has, 'partition')}, not ${partitions}`, hint)
  }
  const current: Record<ConfigFlagKey, number> = {
    'segment.bytes': topic.config.segmentBytes,
    'index.interval.bytes': topic.config.indexIntervalBytes,
    'max.message.bytes': topic.config.maxMessageBytes,
  }
  for (const [key, value] of config) {
    if (current[key] === value) continue
    throw new InvalidArgumentError(`topic ${name} has ${key}=${current[key]}, not ${value}`, {
      hint: `loglady topics alter ${name} --config ${key}=${value}`,
    })
  }
}
