//! The cmdlets of clouds (Az, AWS Tools, Google Cloud Tools), told by how their names are made: a verb, the cloud or its service,
//! a thing. What they come to is what the command lines `az`, `aws` and `gcloud` do.

/// Services of AWS as its tools begin their nouns (<https://docs.aws.amazon.com/powershell/latest/reference/>). The short ones,
/// which other modules have too, stand with a thing behind them.
const SERVICES: [&str; 33] = [
    "s3",
    "ec2",
    "rds",
    "ddb",
    "cfn",
    "eks",
    "ecs",
    "ecr",
    "efs",
    "fsx",
    "kms",
    "secsecret",
    "ssm",
    "r53",
    "sqs",
    "sns",
    "elb",
    "cwl",
    "orgorg",
    "orgaccount",
    "bakbackup",
    "bakrecovery",
    "lmfunction",
    "lmalias",
    "lmlayer",
    "ascluster",
    "asautoscaling",
    "rscluster",
    "ecca",
    "ecreplication",
    "esdomain",
    "osdomain",
    "ebenvironment",
];
/// What holds data or much else, which is gone with it.
const WHOLE: [&str; 54] = [
    "az:resourcegroup",
    "az:managementgroup",
    "az:sqlserver",
    "az:sqldatabase",
    "az:sqlinstance",
    "az:sqlinstancedatabase",
    "az:sqlelasticpool",
    "az:postgresqlserver",
    "az:postgresqlflexibleserver",
    "az:mysqlserver",
    "az:mysqlflexibleserver",
    "az:mariadbserver",
    "az:cosmosdbaccount",
    "az:cosmosdbsqldatabase",
    "az:cosmosdbsqlcontainer",
    "az:cosmosdbmongodbdatabase",
    "az:rediscache",
    "az:akscluster",
    "az:vm",
    "az:vmss",
    "az:disk",
    "az:snapshot",
    "az:storageaccount",
    "az:storagecontainer",
    "az:storageshare",
    "az:rmstoragecontainer",
    "az:rmstorageshare",
    "az:keyvault",
    "az:recoveryservicesvault",
    "aws:s3bucket",
    "aws:rdsdbinstance",
    "aws:rdsdbcluster",
    "aws:rdsdbsnapshot",
    "aws:rdsdbclustersnapshot",
    "aws:ec2volume",
    "aws:ec2snapshot",
    "aws:ec2vpc",
    "aws:ddbtable",
    "aws:ddbbackup",
    "aws:cfnstack",
    "aws:cfnstackset",
    "aws:ekscluster",
    "aws:efsfilesystem",
    "aws:fsxfilesystem",
    "aws:r53hostedzone",
    "aws:rscluster",
    "aws:eccachecluster",
    "aws:ecreplicationgroup",
    "aws:esdomain",
    "aws:osdomain",
    "aws:bakbackupvault",
    "aws:bakrecoverypoint",
    "aws:orgorganization",
    "aws:orgaccountfromorganization",
];
const WHOLE_GOOGLE: [&str; 7] =
    ["gceinstance", "gcedisk", "gcesnapshot", "gcsbucket", "gcsqlinstance", "gkecluster", "gcenetwork"];
/// Things of Azure that say who may do what.
const RIGHTS: [&str; 10] = [
    "roleassignment",
    "roledefinition",
    "adapplication",
    "adserviceprincipal",
    "adgroup",
    "adgroupmember",
    "aduser",
    "keyvaultaccesspolicy",
    "networksecurityruleconfig",
    "networksecuritygroup",
];
/// What a session of Azure keeps on this machine.
const LOCAL: [&str; 4] = ["context", "environment", "alias", "account"];

/// The effect of such a cmdlet, by its name in small letters.
pub(super) fn effect(name: &str) -> Option<&'static str> {
    let (verb, noun) = name.split_once('-')?;
    let ends = matches!(verb, "remove" | "clear");
    let stops = matches!(verb, "stop" | "suspend" | "unregister" | "disable");
    let changes = matches!(verb, "new" | "set" | "add" | "update" | "grant" | "revoke");
    if let Some(thing) = noun.strip_prefix("azurerm").or_else(|| noun.strip_prefix("az")) {
        let rights = RIGHTS.contains(&thing) || thing.ends_with("firewallrule");
        return match (ends, rights) {
            _ if LOCAL.contains(&thing) || thing.is_empty() => None,
            (true, true) => Some("cloud.iam"),
            (true, false) if WHOLE.iter().any(|whole| whole.strip_prefix("az:") == Some(thing)) => {
                Some("cloud.destroy")
            }
            (true, false) => Some("cloud.delete"),
            // A group for a network that is made is everyday; what lets somebody in is not.
            (false, true) if changes && thing != "networksecuritygroup" => Some("cloud.iam"),
            _ if stops => Some("cloud.delete"),
            _ => None,
        };
    }
    if noun.starts_with("iam") && noun.len() > 3 && (ends || changes || verb == "register") {
        return Some("cloud.iam");
    }
    if matches!((verb, noun), ("request", "kmskeydeletion") | ("disable", "kmskey")) {
        return Some("cloud.destroy");
    }
    if SERVICES.iter().any(|service| noun.starts_with(service) && noun.len() > 3) {
        let whole = WHOLE.iter().any(|whole| whole.strip_prefix("aws:") == Some(noun));
        return match (ends, stops) {
            (true, _) if whole => Some("cloud.destroy"),
            (true, _) | (_, true) => Some("cloud.delete"),
            _ => None,
        };
    }
    if ["gce", "gcs", "gke", "gcd"].iter().any(|service| noun.starts_with(service)) && ends {
        return Some(if WHOLE_GOOGLE.contains(&noun) { "cloud.destroy" } else { "cloud.delete" });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_known_by_its_names() {
        for (name, expected) in [
            ("remove-azresourcegroup", Some("cloud.destroy")),
            ("remove-azurermvm", Some("cloud.destroy")),
            ("remove-azresourcelock", Some("cloud.delete")),
            ("remove-azwebapp", Some("cloud.delete")),
            ("stop-azvm", Some("cloud.delete")),
            ("new-azroleassignment", Some("cloud.iam")),
            ("remove-azsqlserverfirewallrule", Some("cloud.iam")),
            ("remove-s3bucket", Some("cloud.destroy")),
            ("remove-s3object", Some("cloud.delete")),
            ("remove-ec2instance", Some("cloud.delete")),
            ("remove-iamrole", Some("cloud.iam")),
            ("request-kmskeydeletion", Some("cloud.destroy")),
            ("remove-gcsbucket", Some("cloud.destroy")),
            ("get-azresourcegroup", None),
            ("new-azresourcegroup", None),
            ("remove-azcontext", None),
            ("get-s3object", None),
            ("remove-item", None),
            ("remove-section", None),
            ("remove-module", None),
            ("remove-smbshare", None),
        ] {
            assert_eq!(effect(name), expected, "{name}");
        }
    }
}
