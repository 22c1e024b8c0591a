import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { LogladyCommand } from '../../cli/base-command.ts'
import { isConfirmed } from '../../cli/confirmation.ts'
import { dryRunFlag, jsonFlag, yesFlag } from '../../cli/flags.ts'
import { formatQuantity, formatSize } from '../../cli/sizes.ts'
import { topicRow } from '../../cli/topic-report.ts'

export default class TopicsDelete extends LogladyCommand {
  static override summary = 'Delete a topic with all its records.'
  static override description = [
    'Prints what would go, and asks on a terminal; elsewhere it needs -y. The committed offsets of groups for this topic go',
    'with it. While a process writes to the topic it exits 4. JSON: the line of "topics -J" that the topic had, with',
    '"deleted" and "backup".',
  ].join(' ')
  static override examples = [
    { description: 'What would go?', command: 'loglady topics delete events --dry-run' },
    {
      description: 'Without being asked, the files kept elsewhere',
      command: 'loglady topics delete events -y --backup /var/backups',
    },
  ]
  static override args = {
    topic: Args.string({ required: true, ignoreStdin: true, description: 'the topic' }),
  }
  static override flags = {
    yes: yesFlag,
    'dry-run': dryRunFlag,
    backup: Flags.string({
      helpValue: 'DIR',
      description: 'move the files below this folder instead of freeing the space',
    }),
    json: jsonFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(TopicsDelete)
    const directory = this.openDirectory()
    const row = topicRow(directory, directory.topic(args.topic))
    const dryRun = flags['dry-run'] === true
    const size = `${formatQuantity(row.records, 'record')}, ${formatSize(row.bytes)}`
    this.plan(
      `${dryRun ? 'would delete' : 'deleting'} topic ${row.topic} of ${directory.path}: ${formatQuantity(row.partitions, 'partition')}, ${size}`,
    )
    if (!dryRun) {
      if (!(await isConfirmed({ yes: flags.yes, question: `delete topic ${row.topic}?` }))) {
        this.exitCode = 1
        return
      }
      await directory.deleteTopic(row.topic, { backupFolder: flags.backup })
      this.note(flags.backup === undefined ? `deleted ${row.topic}` : `moved ${row.topic} to ${flags.backup}`)
    }
    if (flags.json) await this.printJson({ ...row, deleted: !dryRun, backup: flags.backup ?? null })
  }
}
