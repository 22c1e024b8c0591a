import * as Args from '@oclif/core/args'
import { LogladyCommand } from '../../cli/base-command.ts'
import { configFlag, configOf, jsonFlag, numberFlag } from '../../cli/flags.ts'
import { effectOf } from '../../cli/topic-report.ts'
import { checkTopicName, describeTopicConfig } from '../../log/index.ts'

export default class TopicsCreate extends LogladyCommand {
  static override summary = 'Make a topic.'
  static override description = [
    'Makes the data directory too if it is missing. Names are as in Kafka: up to 249 letters, digits, ".", "_" and "-".',
    'The configurations are those of Kafka; for each that is given it is said whether loglady honours it or only keeps it for',
    'a broker. JSON: {"topic","id","partitions","config":[…]}, with what was set.',
  ].join(' ')
  static override examples = [
    {
      description: 'Three partitions, segments of 64 MiB',
      command: 'loglady topics create events --partitions 3 --config segment.bytes=67108864',
    },
    {
      description: 'Timestamps of the append instead of those of the records',
      command: 'loglady topics create audit --config message.timestamp.type=LogAppendTime',
    },
  ]
  static override args = {
    topic: Args.string({ required: true, ignoreStdin: true, description: 'the name of the new topic' }),
  }
  static override flags = {
    partitions: numberFlag({ min: 1, max: 100_000, default: 1, description: 'how many partitions' }),
    config: configFlag,
    json: jsonFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(TopicsCreate)
    // Before a data directory is made for it.
    checkTopicName(args.topic)
    const directory = this.openDirectory({ create: true })
    const { partitions } = flags
    const topic = await directory.createTopic(args.topic, { partitions, config: configOf(flags.config) })
    const config = describeTopicConfig(topic.overrides).filter(entry => entry.source === 'topic')
    if (flags.json) {
      await this.printJson({ topic: topic.name, id: topic.id ?? null, partitions: topic.partitions.length, config })
      return
    }
    this.note(`made topic ${topic.name} with ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`)
    for (const entry of config) this.note(`${entry.name}=${entry.value}: ${effectOf(entry)}`)
  }
}
