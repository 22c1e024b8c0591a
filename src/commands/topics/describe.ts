import * as Args from '@oclif/core/args'
import { LogladyCommand } from '../../cli/base-command.ts'
import { jsonFlag } from '../../cli/flags.ts'
import { formatRows } from '../../cli/table.ts'
import { configColumns, partitionColumns, partitionRow } from '../../cli/topic-report.ts'
import { describeTopicConfig } from '../../log/index.ts'

export default class TopicsDescribe extends LogladyCommand {
  static override summary = 'Show the partitions and the configuration of a topic.'
  static override description = [
    'For each partition: log start offset, log end offset (of the next record), segments, bytes, recovery point (all below it',
    'is synced and checked). For each configuration: its value, whether that was set for the topic or is the default, and',
    'whether loglady honours it or only keeps it for a broker. Where stdout is no terminal, lines begin with "topic",',
    '"partition" or "config" and are divided by tabs. JSON: {"topic","id","partitions":[…],"config":[…]}.',
  ].join(' ')
  static override examples = [
    { description: 'Where does the log of a topic begin and end?', command: 'loglady topics describe events' },
    {
      description: 'What was set for it',
      command: "loglady topics describe events | grep -P '^config\\t.*\\ttopic\\t'",
    },
  ]
  static override args = {
    topic: Args.string({ required: true, ignoreStdin: true, description: 'the topic' }),
  }
  static override flags = { json: jsonFlag }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(TopicsDescribe)
    const directory = this.openDirectory()
    const topic = directory.topic(args.topic)
    const partitions = directory.partitionsOf(topic).map(partitionRow)
    const config = describeTopicConfig(topic.overrides)
    if (flags.json) {
      await this.printJson({ topic: topic.name, id: topic.id ?? null, partitions, config })
      return
    }
    const options = this.tableOptions()
    const head = `topic\t${topic.name}\t${topic.id ?? '-'}`
    const partitionText = await formatRows(partitions, partitionColumns, options)
    const configText = await formatRows(config, configColumns, options)
    if (options.terminal) {
      await this.print(
        `${topic.name}${topic.id === undefined ? '' : `  id ${topic.id}`}\n\n${partitionText}\n\n${configText}`,
      )
    } else {
      await this.print([head, ...prefixed('partition', partitionText), ...prefixed('config', configText)].join('\n'))
    }
  }
}

function prefixed(kind: string, lines: string): string[] {
  return lines === '' ? [] : lines.split('\n').map(line => `${kind}\t${line}`)
}
