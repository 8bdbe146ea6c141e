//! Calls of libraries for clouds that delete, told by how boto3 makes its names: a method of a client is an operation of the
//! service (<https://docs.aws.amazon.com/boto3/latest/reference/services/>), one of a resource acts on the thing it was made for.

use super::Call;
use crate::inline::calls::Arguments;
use crate::inline::reader::Reader;
use crate::inline::value::{Is, Value};
use crate::understand::{Address, Language};

/// What makes clients and resources.
pub(super) const ROOT: &str = "boto3.";
/// Operations after which what holds data is gone.
const WHOLE: [&str; 26] = [
    "delete_bucket",
    "delete_table",
    "delete_db_instance",
    "delete_db_cluster",
    "delete_db_snapshot",
    "delete_db_cluster_snapshot",
    "delete_cluster",
    "delete_cache_cluster",
    "delete_replication_group",
    "delete_domain",
    "delete_elasticsearch_domain",
    "delete_stack",
    "delete_stack_set",
    "delete_file_system",
    "delete_hosted_zone",
    "delete_volume",
    "delete_snapshot",
    "delete_vpc",
    "delete_backup",
    "delete_backup_vault",
    "delete_recovery_point",
    "delete_organization",
    "close_account",
    "schedule_key_deletion",
    "disable_key",
    "delete_imported_key_material",
];
/// Records of a queue, a table or a log: data that programs come and go with.
const RECORDS: [&str; 5] =
    ["delete_item", "delete_message", "delete_message_batch", "delete_messages", "delete_metric_filter"];
/// Things of a resource that hold data.
const THINGS: [&str; 7] = ["Bucket", "Table", "Stack", "Volume", "Snapshot", "Vpc", "object_versions"];

impl Reader<'_> {
    /// Whether a call deletes in a cloud, and its effect.
    pub(super) fn deletes_in_cloud(&mut self, callee: &Value) -> bool {
        let Is::Member(of, name) = &*callee.is else { return false };
        let ends =
            ["delete", "terminate", "deregister", "schedule_key_deletion", "disable_key", "close_account"];
        if self.language != Language::Python || !ends.iter().any(|start| name.starts_with(start)) {
            return false;
        }
        let Some((root, path)) = root_of(of) else { return false };
        let id = match name.as_str() {
            record if RECORDS.contains(&record) => return false,
            _ if root == "iam" => "cloud.iam",
            whole if WHOLE.contains(&whole) => "cloud.destroy",
            // All of a bucket, whatever is asked of the collection.
            "delete" if path.iter().any(|part| THINGS.contains(&part.as_str())) => {
                let single = path.iter().any(|part| matches!(part.as_str(), "Object" | "filter" | "limit"));
                if single { "cloud.delete" } else { "cloud.destroy" }
            }
            _ => "cloud.delete",
        };
        self.effect(id, name.clone());
        true
    }

    /// A client or a resource. One with an address on this machine is an emulator's.
    pub(super) fn cloud_client(key: &str, call: &Call<'_>) -> Value {
        let address = call.arguments.named("endpoint_url").map(Value::shown).unwrap_or_default();
        if !address.is_empty() && Address::of(&address).is_loopback() {
            return Value::unknown(call.marks);
        }
        Value::new(Is::Made(key.to_owned(), service(call.arguments)), call.marks)
    }
}

fn service(arguments: &Arguments) -> Vec<Value> {
    arguments.list.first().or_else(|| arguments.named("service_name")).cloned().into_iter().collect()
}

/// The service that a value was made for, and the names on the way to it.
fn root_of(value: &Value) -> Option<(String, Vec<String>)> {
    let (mut at, mut path) = (value.clone(), Vec::new());
    for _ in 0..16 {
        let next = match &*at.is {
            Is::Member(of, name) => {
                path.push(name.clone());
                of.clone()
            }
            Is::Made(by, all)
                if by.starts_with(ROOT) && (by.ends_with("client") || by.ends_with("resource")) =>
            {
                return Some((all.first().map(Value::shown).unwrap_or_default(), path));
            }
            Is::Made(by, all) => {
                path.extend(by.rsplit('.').next().map(str::to_owned));
                all.first()?.clone()
            }
            _ => return None,
        };
        at = next;
    }
    None
}
