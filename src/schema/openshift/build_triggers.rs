//! Types of `build.openshift.io/v1`: what starts a build. Declarations only.

use super::build_parts::{ImageStreamTagReference, SecretLocalReference, SourceRevision};
use super::k8s;
use utoipa::ToSchema;

/// The bitbucket web hook cause.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BitbucketWebHookCause {
    /// Version to go back to, or revision of the source.
    pub revision: Option<SourceRevision>,
    /// Secret that proves the caller.
    pub secret: Option<String>,
}

/// The build trigger cause.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildTriggerCause {
    /// Explanation for people.
    pub message: Option<String>,
    /// The generic web hook.
    pub generic_web_hook: Option<GenericWebHookCause>,
    /// The github web hook.
    pub github_web_hook: Option<GitHubWebHookCause>,
    /// The image change build.
    pub image_change_build: Option<ImageChangeCause>,
    /// The gitlab web hook.
    pub gitlab_web_hook: Option<GitLabWebHookCause>,
    /// The bitbucket web hook.
    pub bitbucket_web_hook: Option<BitbucketWebHookCause>,
}

/// The build trigger policy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildTriggerPolicy {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// GitHub webhook.
    pub github: Option<WebHookTrigger>,
    /// Generic webhook.
    pub generic: Option<WebHookTrigger>,
    /// Image change.
    pub image_change: Option<ImageChangeTrigger>,
    /// GitLab webhook.
    pub gitlab: Option<WebHookTrigger>,
    /// Bitbucket webhook.
    pub bitbucket: Option<WebHookTrigger>,
}

/// The common web hook cause.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CommonWebHookCause {
    /// Version to go back to, or revision of the source.
    pub revision: Option<SourceRevision>,
    /// Secret that proves the caller.
    pub secret: Option<String>,
}

/// The generic web hook cause.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GenericWebHookCause {
    /// Version to go back to, or revision of the source.
    pub revision: Option<SourceRevision>,
    /// Secret that proves the caller.
    pub secret: Option<String>,
}

/// The git hub web hook cause.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GitHubWebHookCause {
    /// Version to go back to, or revision of the source.
    pub revision: Option<SourceRevision>,
    /// Secret that proves the caller.
    pub secret: Option<String>,
}

/// The git lab web hook cause.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GitLabWebHookCause {
    /// Version to go back to, or revision of the source.
    pub revision: Option<SourceRevision>,
    /// Secret that proves the caller.
    pub secret: Option<String>,
}

/// The image change cause.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageChangeCause {
    /// Image that triggered it.
    #[schema(rename = "imageID")]
    pub image_id: Option<String>,
    /// Reference the trigger looks at.
    pub from_ref: Option<k8s::ObjectReference>,
}

/// The image change trigger.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageChangeTrigger {
    /// Image that last triggered a build.
    #[schema(rename = "lastTriggeredImageID")]
    pub last_triggered_image_id: Option<String>,
    /// What it comes from.
    pub from: Option<k8s::ObjectReference>,
    /// Whether changes are held back.
    pub paused: Option<bool>,
}

/// The image change trigger status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageChangeTriggerStatus {
    /// Image that last triggered a build.
    #[schema(rename = "lastTriggeredImageID")]
    pub last_triggered_image_id: Option<String>,
    /// What it comes from.
    pub from: Option<ImageStreamTagReference>,
    /// When it was last triggered.
    pub last_trigger_time: Option<k8s::Time>,
}

/// The web hook trigger.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebHookTrigger {
    /// Secret that proves the caller.
    pub secret: Option<String>,
    /// Whether the hook may set environment variables.
    pub allow_env: Option<bool>,
    /// Secret that the hook must know.
    pub secret_reference: Option<SecretLocalReference>,
}
