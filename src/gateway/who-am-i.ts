/** Who am I: what `hf auth whoami` shows of the token that a reader has at this gateway. */
import { sha256 } from '../base/digest.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import type { Reader } from './reader.ts';
import { refuse } from './refusal.ts';

/** `GET /api/whoami-v2`: the grant in the shape of a user, as clients know nothing else. */
export function whoAmI(reader: Reader): Answer {
  const { name, grantedAt } = reader;
  if (name === undefined) return refuse({ is: 'no token' });
  return jsonAnswer({
    type: 'user',
    id: sha256(`grant ${name}`).slice(0, 24),
    name,
    fullname: name,
    isPro: false,
    orgs: [],
    avatarUrl: '',
    auth: {
      type: 'access_token',
      accessToken: {
        displayName: name,
        role: 'read',
        ...(grantedAt === undefined ? {} : { createdAt: grantedAt }),
      },
    },
  });
}
