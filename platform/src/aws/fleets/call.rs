//! The calls that change something, each one request.

use super::convert::{data, fleet_request};
use super::{Ec2Fleets, RequestError};
use aws_sdk_ec2::types::{DeleteFleetErrorCode, LaunchTemplateErrorCode};
use spotmill_ec2::api::{CreateFleet, CreateLaunchTemplateVersion};

/// Versions one call deletes.
const VERSIONS_A_CALL: usize = 200;
/// Machines one call ends: EC2 advises no more.
const MACHINES_A_CALL: usize = 500;

impl Ec2Fleets {
    /// The version's number, if the answer has one.
    pub(super) async fn create_version(&self, of: &CreateLaunchTemplateVersion) -> Result<Option<i64>, RequestError> {
        let call = self.client.create_launch_template_version().client_token(&of.client_token);
        let call = call.launch_template_id(&of.launch_template_id).source_version(&of.source_version);
        let call = call.version_description(&of.version_description);
        let made = call.launch_template_data(data(&of.launch_template_data)).send().await?;
        for warning in made.warning().map(|w| w.errors()).unwrap_or_default() {
            tracing::warn!(
                template = of.launch_template_id,
                code = warning.code(),
                message = warning.message(),
                "EC2 has a doubt about a launch template"
            );
        }
        Ok(made.launch_template_version().and_then(|v| v.version_number()))
    }

    /// The fleet's id, if the answer has one.
    pub(super) async fn create(&self, of: &CreateFleet) -> Result<Option<String>, RequestError> {
        let made = fleet_request(of, self.client.create_fleet()).send().await?;
        for error in made.errors() {
            tracing::warn!(code = error.error_code(), message = error.error_message(), "EC2 launched less than asked");
        }
        Ok(made.fleet_id)
    }

    /// Describes what could not be deleted; a fleet that is gone or going is deleted.
    pub(super) async fn delete_fleets(&self, ids: &[String]) -> Result<Vec<String>, RequestError> {
        let call = self.client.delete_fleets().set_fleet_ids(Some(ids.to_vec())).terminate_instances(true);
        let reply = call.send().await?;
        let done = |code| {
            matches!(code, DeleteFleetErrorCode::FleetIdDoesNotExist | DeleteFleetErrorCode::FleetNotInDeletableState)
        };
        let errors = reply.unsuccessful_fleet_deletions.unwrap_or_default().into_iter();
        let open = errors.filter(|e| !e.error().and_then(|e| e.code().cloned()).is_some_and(done));
        Ok(open.map(|e| format!("{e:?}")).collect())
    }

    pub(super) async fn terminate(&self, ids: &[String]) -> Result<(), RequestError> {
        for some in ids.chunks(MACHINES_A_CALL) {
            let call = self.client.terminate_instances().set_instance_ids(Some(some.to_vec()));
            call.send().await?;
        }
        Ok(())
    }

    /// Describes what could not be deleted; a version that is gone is deleted.
    pub(super) async fn delete_versions(&self, template: &str, numbers: &[i64]) -> Result<Vec<String>, RequestError> {
        let mut open = Vec::new();
        for some in numbers.chunks(VERSIONS_A_CALL) {
            let versions = some.iter().map(ToString::to_string).collect();
            let call = self.client.delete_launch_template_versions().launch_template_id(template);
            let reply = call.set_versions(Some(versions)).send().await?;
            let done = |code| {
                matches!(
                    code,
                    LaunchTemplateErrorCode::LaunchTemplateVersionDoesNotExist
                        | LaunchTemplateErrorCode::LaunchTemplateIdDoesNotExist
                )
            };
            let errors = reply.unsuccessfully_deleted_launch_template_versions.unwrap_or_default().into_iter();
            let left = errors.filter(|e| !e.response_error().and_then(|e| e.code().cloned()).is_some_and(done));
            open.extend(left.map(|e| format!("{e:?}")));
        }
        Ok(open)
    }
}
