/** The process that renders one template: it reads an order, writes what came of it, and ends. */
import { Template } from '@huggingface/jinja';
import type { RenderOrder, RenderReply } from './render.ts';

const pieces: Buffer[] = [];
for await (const piece of process.stdin) pieces.push(piece as Buffer);
const order = JSON.parse(Buffer.concat(pieces).toString()) as RenderOrder;
process.stdout.write(JSON.stringify(render(order)));

/** Some families have no message of the system, and raise an exception where one is. */
function render({ template, messages, charsMax }: RenderOrder): RenderReply {
  const first = attempt(template, messages);
  const without = messages.filter(({ role }) => role !== 'system');
  const reply = 'reason' in first ? attempt(template, without) : first;
  if ('reason' in reply) return first;
  return { text: reply.text.slice(0, charsMax), chars: reply.text.length };
}

function attempt(template: string, messages: RenderOrder['messages']): RenderReply {
  try {
    const text = new Template(template).render({
      messages: messages.map((message) => ({ ...message })),
      add_generation_prompt: true,
      bos_token: '<s>',
      eos_token: '</s>',
    });
    return { text, chars: text.length };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : 'something was thrown that is no error' };
  }
}
