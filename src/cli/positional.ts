import { InvalidArgumentError, NotFoundError } from '../log/index.ts'
import { maxPartition, parseWholeNumber } from './flags.ts'

/** The topic of `append` without a positional, and of the others where not exactly one topic is there. */
export const defaultTopic = 'default'

/** What `TOPIC` or `TOPIC/PARTITION` names. */
export interface TopicTarget {
  topic: string
  partition?: number
}

/** A topic's name has no slash, so what stands behind the first is the partition. Whether the topic exists is not looked at. */
export function parseTarget(text: string): TopicTarget {
  const slash = text.indexOf('/')
  if (text === '') throw new InvalidArgumentError('a topic has at least one character')
  if (slash < 0) return { topic: text }
  const topic = text.slice(0, slash)
  const digits = text.slice(slash + 1)
  if (topic === '' || !/^\d+$/.test(digits)) {
    throw new InvalidArgumentError(`"${text}" is neither TOPIC nor TOPIC/PARTITION`, {
      hint: `a file is given with the topic in front: loglady append TOPIC ${text}`,
    })
  }
  return { topic, partition: parseWholeNumber(digits, 0, maxPartition) }
}

/** What a command other than `append` means without a positional: the only topic that there is, else `default`. */
export function onlyTopic(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : defaultTopic
}

/** The partitions that TOPIC/PARTITION or `-p 0,2` picks among those of a topic, all without either; ascending. */
export function pickPartitions(
  target: TopicTarget,
  picked: readonly number[] | undefined,
  existing: readonly number[],
): number[] {
  const { topic, partition } = target
  if (partition !== undefined && picked !== undefined) {
    throw new InvalidArgumentError(`${topic}/${partition} and --partitions both pick partitions`, {
      hint: 'give one of them',
    })
  }
  const wanted = partition === undefined ? picked : [partition]
  if (wanted === undefined) return [...existing]
  const missing = wanted.find(number => !existing.includes(number))
  if (missing !== undefined) {
    throw new NotFoundError(`${topic} has no partition ${missing}`, { hint: `it has ${listNumbers(existing)}` })
  }
  return [...wanted]
}

/** `0-3, 7`; `none` for an empty list. */
export function listNumbers(numbers: readonly number[]): string {
  const runs: [number, number][] = []
  for (const number of numbers) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === number - 1) last[1] = number
    else runs.push([number, number])
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ') || 'none'
}
