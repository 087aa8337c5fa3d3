/** What prowler was found to say of each bucket (scripts/prowler-record.ts), and which checks of ours ask the same. */
import path from 'node:path';
import type { CheckId } from '../../src/posture/checks/check.ts';

export const PROWLER_RECORD = path.join(import.meta.dirname, 'prowler.json');

export interface ProwlerRecord {
  readonly prowler: string;
  /** By weakness, then by prowler's check: PASS, FAIL, MANUAL. */
  readonly says: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** prowler's checks, and ours that must agree; `differs` where we ask something else, as docs/posture.md explains. */
export const PROWLER_CHECKS: Readonly<
  Record<string, { readonly ours: readonly CheckId[] } | { readonly differs: string }>
> = {
  s3_bucket_level_public_access_block: { ours: ['public-access'] },
  s3_bucket_public_access: {
    differs:
      'passes a statement for the world where the public access block keeps it from counting; ours asks for neither',
  },
  s3_bucket_public_list_acl: { ours: ['acl'] },
  s3_bucket_public_write_acl: {
    differs: 'asks for an ACL that lets the world write; ours for any that gives it something',
  },
  s3_bucket_policy_public_write_access: { differs: 'asks for writes of the world; ours for anything' },
  s3_bucket_acl_prohibited: { ours: ['ownership'] },
  s3_bucket_object_versioning: { ours: ['versioning'] },
  s3_bucket_kms_encryption: { ours: ['encryption'] },
  s3_bucket_server_access_logging_enabled: { ours: ['access-logs'] },
  s3_bucket_lifecycle_enabled: { differs: 'asks for any rule; ours for what the rules do' },
  s3_bucket_event_notifications_enabled: { ours: ['events'] },
  s3_bucket_secure_transport_policy: { ours: ['policy-tls'] },
  s3_bucket_cross_account_access: { ours: ['policy-foreign', 'not-public'] },
  s3_bucket_no_mfa_delete: {
    differs: 'asks for MFA delete; ours for a policy that leaves deletes to one role',
  },
  s3_bucket_object_lock: {
    differs: 'asks for Object Lock; ours for a policy that leaves deletes to one role',
  },
  kms_cmk_rotation_enabled: { ours: ['key-rotation'] },
  kms_cmk_not_deleted_unintentionally: { ours: ['key-state'] },
};
