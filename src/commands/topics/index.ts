import { LogladyCommand } from '../../cli/base-command.ts'
import { jsonFlag } from '../../cli/flags.ts'
import { formatRows } from '../../cli/table.ts'
import { topicColumns, topicRow } from '../../cli/topic-report.ts'

export default class Topics extends LogladyCommand {
  static override aliases = ['topics list']
  static override summary = 'List the topics of the data directory.'
  static override description = [
    'Name, partitions, records, bytes, and the times of the first and the last record: a table on a terminal, elsewhere the',
    'same divided by tabs, with exact numbers. Records are counted from log start to log end; in compacted topics and those',
    'with transactions there are fewer. JSON: {"topic","partitions","records","bytes","firstTimestamp","lastTimestamp"}.',
  ].join(' ')
  static override examples = [
    { description: 'All topics', command: 'loglady topics' },
    {
      description: 'Those of a stopped broker, largest last',
      command: 'loglady topics -d /var/lib/kafka | sort -n -k 4',
    },
    { description: 'For a program', command: 'loglady topics -J' },
  ]
  static override args = {}
  static override flags = { json: jsonFlag }

  async run(): Promise<void> {
    const { flags } = await this.parse(Topics)
    const directory = this.openDirectory()
    const rows = directory.topics().map(topic => topicRow(directory, topic))
    if (flags.json) {
      for (const row of rows) await this.printJson(row)
      return
    }
    if (rows.length === 0) this.note(`no topics in ${directory.path}`)
    else await this.print(await formatRows(rows, topicColumns, this.tableOptions()))
  }
}
