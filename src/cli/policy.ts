/** `weighlock policy`: checks a policy file, and shows what its rules say of a model. */
import { Command } from 'commander';
import { rehearse } from '../admission/admit.ts';
import { EXIT } from '../base/errors.ts';
import { askRules, type Policy, type RuleResult } from '../policy/policy.ts';
import { exitOf } from './admission-view.ts';
import { requestOf } from './admit.ts';
import { adviceFor } from './advice.ts';
import { decisionText } from './decision-text.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { readPolicyFile } from './policy-file.ts';
import { parseTarget } from './target.ts';
import { temporaryVault } from './temporary-vault.ts';
import { labelled, plural, table } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

export function policyCommand(run: Run): Command {
  const command = new Command('policy').description('check a policy, and see what its rules say of a model');
  command
    .command('check')
    .description('check that a policy file reads, and list its rules')
    .argument('<file>', 'the policy file')
    .action((file: string, flags: Record<string, unknown>) =>
      run(flags, async () => check(readPolicyFile(file, file))),
    );
  command
    .command('test')
    .description('bring a model in as a rehearsal, and show each rule’s answer; nothing is stored')
    .argument('<file>', 'the policy file')
    .argument('<model>', 'as for `weighlock admit`')
    .action((file: string, model: string, flags: Record<string, unknown>) =>
      run(flags, (wire) => test(wire, file, model)),
    );
  return command;
}

function check(policy: Policy): Outcome {
  const rows = policy.rules.map((rule) => [String(rule.line), rule.name, rule.outcome, rule.because]);
  return {
    exit: EXIT.done,
    json: {
      name: policy.name,
      sha256: policy.sha256,
      rules: policy.rules.map(({ name, outcome, because, source, line }) => ({
        name,
        outcome,
        because,
        source,
        line,
      })),
    },
    text: `${table(['LINE', 'RULE', 'OUTCOME', 'BECAUSE'], rows)}\n${labelled('policy', `${policy.name}: ${plural(policy.rules.length, 'rule')}, sha256 ${policy.sha256}`)}`,
  };
}

async function test(wire: Wire, file: string, model: string): Promise<Outcome> {
  const policy = readPolicyFile(file, file);
  const { request, source } = requestOf(wire, parseTarget(model), { include: [], exclude: [] });
  await using rehearsal = temporaryVault();
  try {
    const { judgement } = await rehearse(request, {
      source,
      policy,
      advice: adviceFor(wire.home, undefined),
      concurrency: wire.config.concurrency,
      memoryBytes: wire.config.memoryBytes,
      tool: TOOL,
      report: () => {},
      vault: rehearsal.vault,
    });
    const answers = askRules(policy, judgement.input);
    const { decision, findings } = judgement;
    return {
      exit: exitOf(decision.verdict),
      json: {
        verdict: decision.verdict,
        rules: decision.rules,
        answers: answers.map(answerJson),
        input: judgement.input,
      },
      text: `${table(['RULE', 'OUTCOME', 'ANSWER'], answers.map(answerRow))}\n${decisionText(decision, findings, wire.terminal)}`,
    };
  } finally {
    await source.close();
  }
}

function answerJson({ rule, answer, detail }: RuleResult): unknown {
  return { rule: rule.name, outcome: rule.outcome, answer, detail };
}

function answerRow({ rule, answer, detail }: RuleResult): string[] {
  return [rule.name, rule.outcome, detail ? `${answer}: ${detail}` : answer];
}
