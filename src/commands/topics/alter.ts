import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { LogladyCommand } from '../../cli/base-command.ts'
import { didYouMean } from '../../cli/did-you-mean.ts'
import { configFlag, configOf, jsonFlag, maxPartition, numberFlag } from '../../cli/flags.ts'
import { effectOf } from '../../cli/topic-report.ts'
import { describeTopicConfig, InvalidArgumentError } from '../../log/index.ts'

export default class TopicsAlter extends LogladyCommand {
  static override summary = 'Change the configuration of a topic, or give it more partitions.'
  static override description = [
    'Writers take a new configuration when they open the topic. There are never fewer partitions than before; with more of',
    'them, records of one key go to another partition than earlier ones did. For each configuration it is said whether',
    'loglady honours it or only keeps it for a broker. JSON: {"topic","id","partitions","config":[…]}, with what was set.',
  ].join(' ')
  static override examples = [
    {
      description: 'Smaller segments from now on',
      command: 'loglady topics alter events --config segment.bytes=16777216',
    },
    { description: 'Six partitions', command: 'loglady topics alter events --partitions 6' },
  ]
  static override args = {
    topic: Args.string({ required: true, ignoreStdin: true, description: 'the topic' }),
  }
  static override flags = {
    partitions: numberFlag({ min: 1, max: maxPartition, description: 'how many partitions from now on' }),
    config: configFlag,
    'delete-config': Flags.string({
      helpValue: 'KEY',
      multiple: true,
      multipleNonGreedy: true,
      description: 'take this configuration back to its default; repeatable',
    }),
    json: jsonFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(TopicsAlter)
    const { partitions } = flags
    const changed = new Map<string, string | undefined>(configOf(flags.config))
    for (const key of flags['delete-config'] ?? []) changed.set(checkKey(key), undefined)
    if (partitions === undefined && changed.size === 0) {
      throw new InvalidArgumentError('nothing to change', { hint: 'give --config k=v or --partitions N' })
    }
    const directory = this.openDirectory()
    const before = directory.topic(args.topic).partitions.length
    const topic = await directory.alterTopic(args.topic, { partitions, config: changed })
    const config = describeTopicConfig(topic.overrides).filter(entry => changed.has(entry.name))
    if (flags.json) {
      await this.printJson({ topic: topic.name, id: topic.id ?? null, partitions: topic.partitions.length, config })
      return
    }
    for (const entry of config) this.note(`${entry.name}=${entry.value}: ${effectOf(entry)}`)
    if (topic.partitions.length > before) {
      this.note(`${topic.name} has ${topic.partitions.length} partitions now; keys go to other partitions than before`)
    }
  }
}

function checkKey(key: string): string {
  const known = describeTopicConfig(new Map()).map(entry => entry.name)
  if (known.includes(key) || key === 'internal.segment.bytes') return key
  const near = didYouMean(key, known)
  const hint = near === undefined ? undefined : `did you mean ${near}?`
  throw new InvalidArgumentError(`unknown topic configuration "${key}"`, { hint })
}
