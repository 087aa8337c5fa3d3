/** The gateway endpoints for S3 of the VPCs that endpoints stand in. */
import { DescribeSubnetsCommand, DescribeVpcEndpointsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { OwnedPlace } from '../bucket/place.ts';
import { CATALOG } from '../checks/catalog.ts';
import { judged, type PostureAnswer, type Subject, unknown } from '../checks/check.ts';
import { missingPermission } from '../checks/permission.ts';
import { asked } from '../store/answer.ts';

/** Whether each VPC that an endpoint stands in has a gateway endpoint for S3. */
export async function gatewayEndpoints(
  ec2: EC2Client,
  SubnetIds: string[],
  place: Pick<OwnedPlace, 'region'>,
): Promise<PostureAnswer> {
  const { permissions } = CATALOG['vpc-s3-endpoint'];
  const subnets = await asked(ec2.send(new DescribeSubnetsCommand({ SubnetIds })));
  if (subnets.kind !== 'answer') return unknown(missingPermission([permissions[0]], subnets));
  const vpcs = [...new Set((subnets.answer.Subnets ?? []).flatMap(({ VpcId: id }) => id ?? []))];
  const missing: Subject[] = [];
  for (const vpc of vpcs) {
    const Filters = [
      { Name: 'vpc-id', Values: [vpc] },
      { Name: 'service-name', Values: [`com.amazonaws.${place.region}.s3`] },
    ];
    const found = await asked(ec2.send(new DescribeVpcEndpointsCommand({ Filters })));
    if (found.kind !== 'answer') return unknown(missingPermission([permissions[1]], found));
    const gateway = found.answer.VpcEndpoints?.some(({ VpcEndpointType: type }) => type === 'Gateway');
    if (!gateway) missing.push({ resource: vpc, said: 'it has no gateway endpoint for S3' });
  }
  return judged(missing, `${vpcs.length === 1 ? 'one VPC' : `${vpcs.length} VPCs`}`);
}
