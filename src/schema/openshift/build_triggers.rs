//! Types of `build.openshift.io/v1`: what starts a build. Declarations only.

use super::build_parts::{ImageStreamTagReference, SecretLocalReference, SourceRevision};
use super::k8s;
use utoipa::ToSchema;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BitbucketWebHookCause {
    /// Commit that Bitbucket told of.
    pub revision: Option<SourceRevision>,
    /// Secret of the address that Bitbucket called, made unreadable.
    pub secret: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildTriggerCause {
    /// What started the build, as a sentence.
    pub message: Option<String>,
    /// The call, where a generic webhook was the cause.
    pub generic_web_hook: Option<GenericWebHookCause>,
    /// The call, where GitHub's webhook was the cause.
    pub github_web_hook: Option<GitHubWebHookCause>,
    /// The change, where a new image was the cause.
    pub image_change_build: Option<ImageChangeCause>,
    /// The call, where GitLab's webhook was the cause.
    pub gitlab_web_hook: Option<GitLabWebHookCause>,
    /// The call, where Bitbucket's webhook was the cause.
    pub bitbucket_web_hook: Option<BitbucketWebHookCause>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildTriggerPolicy {
    /// GitHub, GitLab, Bitbucket, Generic, ImageChange or ConfigChange.
    pub r#type: String,
    /// GitHub webhook.
    pub github: Option<WebHookTrigger>,
    /// Generic webhook.
    pub generic: Option<WebHookTrigger>,
    /// Which image stream tag is watched.
    pub image_change: Option<ImageChangeTrigger>,
    /// GitLab webhook.
    pub gitlab: Option<WebHookTrigger>,
    /// Bitbucket webhook.
    pub bitbucket: Option<WebHookTrigger>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CommonWebHookCause {
    /// Commit that the caller told of.
    pub revision: Option<SourceRevision>,
    /// Secret of the webhook's address, made unreadable.
    pub secret: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GenericWebHookCause {
    /// Commit that the caller told of.
    pub revision: Option<SourceRevision>,
    /// Secret of the webhook's address, made unreadable.
    pub secret: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GitHubWebHookCause {
    /// Commit that GitHub told of.
    pub revision: Option<SourceRevision>,
    /// Secret of the address that GitHub called, made unreadable.
    pub secret: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GitLabWebHookCause {
    /// Commit that GitLab told of.
    pub revision: Option<SourceRevision>,
    /// Secret of the address that GitLab called, made unreadable.
    pub secret: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageChangeCause {
    /// Image that triggered it.
    #[schema(rename = "imageID")]
    pub image_id: Option<String>,
    /// Reference the trigger looks at.
    pub from_ref: Option<k8s::ObjectReference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageChangeTrigger {
    /// Image that last triggered a build.
    #[schema(rename = "lastTriggeredImageID")]
    pub last_triggered_image_id: Option<String>,
    /// Image stream tag to watch; that of the strategy if it is absent.
    pub from: Option<k8s::ObjectReference>,
    /// Whether changes of the tag start nothing for now.
    pub paused: Option<bool>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageChangeTriggerStatus {
    /// Image that last triggered a build.
    #[schema(rename = "lastTriggeredImageID")]
    pub last_triggered_image_id: Option<String>,
    /// The image stream tag that is watched.
    pub from: Option<ImageStreamTagReference>,
    /// When it was last triggered.
    pub last_trigger_time: Option<k8s::Time>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct WebHookTrigger {
    /// The secret part of the webhook's address, in clear. A secretReference keeps it apart.
    pub secret: Option<String>,
    /// Whether the hook may set environment variables.
    pub allow_env: Option<bool>,
    /// Secret that the hook must know.
    pub secret_reference: Option<SecretLocalReference>,
}
