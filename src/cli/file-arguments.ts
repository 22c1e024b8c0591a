import { existsSync } from 'node:fs'
import { InvalidArgumentError, NotFoundError } from '../log/index.ts'
import { parseTarget } from './positional.ts'

/** How to get what a positional stands for. */
export interface FileOrTopic<Target> {
  ofPath(path: string): Target[]
  ofTopic(topic: string, partition: number | undefined): Target[]
}

/**
 * FILE|DIR|TOPIC: a path that exists is that file or folder, anything else a topic of the data directory. A folder that is
 * nothing of a log and has the name of a topic is the topic.
 */
export function resolveFileOrTopic<Target>(text: string, targets: FileOrTopic<Target>): Target[] {
  const isTopicLike = /^[^/]+(?:\/\d+)?$/.test(text)
  if (existsSync(text)) {
    try {
      return targets.ofPath(text)
    } catch (error) {
      if (!(error instanceof InvalidArgumentError) || !isTopicLike) throw error
      try {
        return ofTopic(text, targets)
      } catch {
        throw error
      }
    }
  }
  if (!isTopicLike) throw new NotFoundError('no such file or folder', { path: text })
  return ofTopic(text, targets)
}

function ofTopic<Target>(text: string, targets: FileOrTopic<Target>): Target[] {
  const { topic, partition } = parseTarget(text)
  return targets.ofTopic(topic, partition)
}
