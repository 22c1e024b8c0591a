import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { LogladyCommand } from '../../cli/base-command.ts'
import { jsonFlag, partitionsFlag } from '../../cli/flags.ts'
import { parseTarget, pickPartitions } from '../../cli/positional.ts'
import { parseTime, timeHelp } from '../../cli/time-grammar.ts'
import type { PartitionLog } from '../../log/index.ts'

type When = 'earliest' | 'latest' | 'max-timestamp' | number

// What kafka-get-offsets calls them.
const kafkasNumbers: Record<string, When> = { '-1': 'latest', '-2': 'earliest', '-3': 'max-timestamp' }

const whenFlag = Flags.custom<When>({
  helpValue: 'WHEN',
  parse: async text => {
    if (text === 'earliest' || text === 'latest' || text === 'max-timestamp') return text
    return kafkasNumbers[text] ?? parseTime(text)
  },
})

export default class TopicsOffsets extends LogladyCommand {
  static override summary = 'Print the offsets of a topic at a time.'
  static override description = [
    'A line topic:partition:offset for each partition, as kafka-get-offsets prints them. --time TIME gives the first offset',
    'with a timestamp of at least TIME; where there is none, the line ends after the second colon, and in JSON the offset is',
    'null. Reads a handful of files, however large the topic is. JSON: {"topic","partition","offset","timestamp"}.',
  ].join(' ')
  static override examples = [
    { description: 'The end of each partition', command: 'loglady topics offsets events' },
    { description: 'Where did yesterday begin?', command: 'loglady topics offsets events --time yesterday' },
    {
      description: 'The record with the largest timestamp',
      command: 'loglady topics offsets events/0 --time max-timestamp -J',
    },
  ]
  static override args = {
    topic: Args.string({ required: true, ignoreStdin: true, description: 'TOPIC or TOPIC/PARTITION' }),
  }
  static override flags = {
    time: whenFlag({ default: 'latest', description: `earliest, latest, max-timestamp or TIME. ${timeHelp}` }),
    partitions: partitionsFlag(),
    json: jsonFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(TopicsOffsets)
    const directory = this.openDirectory()
    const target = parseTarget(args.topic)
    const topic = directory.topic(target.topic)
    for (const partition of pickPartitions(target, flags.partitions, topic.partitions)) {
      const { offset, timestamp } = offsetAt(directory.partition(topic.name, partition), flags.time)
      if (flags.json) await this.printJson({ topic: topic.name, partition, offset, timestamp })
      else await this.print(`${topic.name}:${partition}:${offset ?? ''}`)
    }
  }
}

function offsetAt(log: PartitionLog, when: When): { offset: number | null; timestamp: number | null } {
  if (when === 'earliest') return { offset: log.logStartOffset(), timestamp: null }
  if (when === 'latest') return { offset: log.logEndOffset(), timestamp: null }
  const found = when === 'max-timestamp' ? log.maxTimestamp() : log.offsetForTimestamp(when)
  return found ?? { offset: null, timestamp: null }
}
