import { type DataDirectory, NotFoundError, type TopicDescription } from '../../log/index.ts'
import { onlyTopic, parseTarget, pickPartitions } from '../positional.ts'

/** A topic that is read, and which of its partitions. */
export interface ReadTopic {
  readonly name: string
  /** None for a topic that is waited for. */
  readonly partitions: readonly number[]
  /** Whether a partition is wanted that turns up later. */
  includes(partition: number): boolean
}

export interface FindTopicOptions {
  /** `-p` */
  picked?: readonly number[] | undefined
  /** The topic will be waited for. */
  mayBeMissing?: boolean
}

/** The topic of a positional, or the one that is meant without. Throws NotFoundError. */
export function findTopic(
  directory: DataDirectory,
  positional: string | undefined,
  { picked, mayBeMissing = false }: FindTopicOptions,
): ReadTopic {
  const target = parseTarget(positional ?? onlyTopic(directory.topics().map(topic => topic.name)))
  const topic = describeTopic(directory, target.topic, mayBeMissing)
  const chosen = target.partition === undefined ? picked : [target.partition]
  return {
    name: target.topic,
    partitions: topic === undefined ? [] : pickPartitions(target, picked, topic.partitions),
    includes: partition => chosen === undefined || chosen.includes(partition),
  }
}

function describeTopic(directory: DataDirectory, name: string, mayBeMissing: boolean): TopicDescription | undefined {
  try {
    return directory.topic(name)
  } catch (error) {
    if (mayBeMissing && error instanceof NotFoundError) return undefined
    throw error
  }
}
