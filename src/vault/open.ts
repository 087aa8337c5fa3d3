/** Opens the vault, or the staging area, that a ticket names, in whatever thread. */
import { DirectoryVault } from './directory.ts';
import { openDirectoryDoor } from './directory-staging.ts';
import type { StagingDoor, StagingTicket, Vault, VaultTicket } from './vault.ts';

/** Contacts nothing yet; the clients of S3 are loaded by whoever uses them. */
export async function openVault(ticket: VaultTicket): Promise<Vault> {
  switch (ticket.kind) {
    case 'directory':
      return new DirectoryVault(ticket.path);
    case 's3': {
      const { S3Vault } = await import('./s3.ts');
      return new S3Vault(ticket.settings);
    }
  }
}

/** `memoryBytes`: what one file under way may hold in memory where it is gathered before it is written. */
export async function openStagingDoor(ticket: StagingTicket, memoryBytes: number): Promise<StagingDoor> {
  switch (ticket.kind) {
    case 'directory':
      return openDirectoryDoor(ticket.path);
    case 's3': {
      const { settings, area, revision } = ticket;
      const { S3Door } = await import('./s3-door.ts');
      const { S3Store } = await import('./s3-store.ts');
      return new S3Door({ store: new S3Store(settings), area, revision, memoryBytes });
    }
  }
}
