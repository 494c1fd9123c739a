//! Launch templates and their versions.

use crate::fleets::host_image;
use crate::harness::{Harness, IDLE, base64, by_attributes, code, config, read_soon, target};
use aws_sdk_ec2::types::{
    LaunchTemplateTagSpecificationRequest, RequestLaunchTemplateData, ResourceType, ResponseLaunchTemplateData, Tag,
};
use spotmill_local_ec2::{Adopt, AdoptSubnet, AdoptTemplate, Arch};

fn user_data(text: &str) -> RequestLaunchTemplateData {
    RequestLaunchTemplateData::builder().user_data(base64(text)).build()
}

async fn add(at: &Harness, id: &str, source: Option<&str>, data: RequestLaunchTemplateData) -> i64 {
    let ask = at.ec2.create_launch_template_version().launch_template_id(id).launch_template_data(data);
    let made = ask.set_source_version(source.map(str::to_owned)).version_description("added").send().await.unwrap();
    made.launch_template_version().unwrap().version_number().unwrap()
}

async fn data(at: &Harness, id: &str, version: &str) -> ResponseLaunchTemplateData {
    let ask = at.ec2.describe_launch_template_versions().launch_template_id(id).versions(version);
    ask.send().await.unwrap().launch_template_versions()[0].launch_template_data().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_takes_from_its_source_what_it_does_not_state() {
    let at = Harness::start().await;
    let id = at.template("one", host_image(), "#!/bin/bash\n").await;
    let tags = LaunchTemplateTagSpecificationRequest::builder()
        .resource_type(ResourceType::Volume)
        .tags(Tag::builder().key("only").value("this").build())
        .build();
    let given = RequestLaunchTemplateData::builder().user_data(base64("#!/bin/sh\n")).tag_specifications(tags).build();
    assert_eq!(add(&at, &id, Some("$Latest"), given).await, 2);
    assert_eq!(add(&at, &id, None, user_data("#!alone")).await, 3);
    assert_eq!(add(&at, &id, Some("2"), user_data("#!third")).await, 4);

    let second = data(&at, &id, "2").await;
    assert_eq!(second.image_id(), Some(host_image()), "from version 1");
    assert_eq!(second.user_data(), Some(base64("#!/bin/sh\n").as_str()));
    let resource_types: Vec<_> = second.tag_specifications().iter().filter_map(|s| s.resource_type()).collect();
    assert_eq!(resource_types, [&ResourceType::Volume], "a list is replaced as a whole");
    assert_eq!(second.metadata_options().unwrap().http_tokens().unwrap().as_str(), "required");
    assert_eq!(data(&at, &id, "3").await.image_id(), None);
    assert_eq!(data(&at, &id, "4").await.tag_specifications()[0].tags()[0].key(), Some("only"));
    assert_eq!(data(&at, &id, "$Latest").await.user_data(), Some(base64("#!third").as_str()));
    assert_eq!(data(&at, &id, "$Default").await.user_data(), Some(base64("#!/bin/bash\n").as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_deleted_one_by_one_and_numbers_are_never_given_again() {
    let at = Harness::start().await;
    let id = at.template("one", host_image(), IDLE).await;
    add(&at, &id, Some("1"), user_data("#!2")).await;
    add(&at, &id, Some("1"), user_data("#!3")).await;
    let ask = at.ec2.delete_launch_template_versions().launch_template_id(&id);
    let reply = ask.versions("3").versions("1").versions("9").send().await.unwrap();
    let gone: Vec<_> =
        reply.successfully_deleted_launch_template_versions().iter().map(|v| v.version_number()).collect();
    assert_eq!(gone, [Some(3)]);
    let kept = reply.unsuccessfully_deleted_launch_template_versions().iter();
    let kept: Vec<_> =
        kept.map(|v| (v.version_number().unwrap(), v.response_error().unwrap().code().unwrap())).collect();
    assert_eq!(
        kept.iter().map(|(n, c)| (*n, c.as_str())).collect::<Vec<_>>(),
        [(1, "unexpectedError"), (9, "launchTemplateVersionDoesNotExist")]
    );
    assert_eq!(data(&at, &id, "$Latest").await.user_data(), Some(base64("#!2").as_str()));
    assert_eq!(add(&at, &id, Some("2"), user_data("#!4")).await, 4);
    assert_eq!(at.local.snapshot().templates[0].versions, [1, 2, 4]);
    at.ec2.delete_launch_template().launch_template_id(&id).send().await.unwrap();
    let lost = at.ec2.describe_launch_templates().launch_template_ids(&id).send().await;
    assert_eq!(code(lost), "InvalidLaunchTemplateId.NotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_token_is_one_version() {
    let at = Harness::start().await;
    let id = at.template("one", host_image(), IDLE).await;
    let ask = at.ec2.create_launch_template_version().launch_template_id(&id).client_token("t1");
    let number = |made: aws_sdk_ec2::operation::create_launch_template_version::CreateLaunchTemplateVersionOutput| {
        made.launch_template_version().unwrap().version_number()
    };
    let first = ask.clone().launch_template_data(user_data("#!a")).send().await.unwrap();
    let second = ask.clone().launch_template_data(user_data("#!a")).send().await.unwrap();
    assert_eq!((number(first), number(second)), (Some(2), Some(2)));
    let other = ask.launch_template_data(user_data("#!b")).send().await;
    assert_eq!(code(other), "IdempotentParameterMismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_and_user_data_is_bounded() {
    let at = Harness::start().await;
    at.template("taken", host_image(), IDLE).await;
    let ask = at.ec2.create_launch_template().launch_template_data(user_data("#!x"));
    let taken = ask.clone().launch_template_name("taken").send().await;
    assert_eq!(code(taken), "InvalidLaunchTemplateName.AlreadyExistsException");
    let fits = ask.clone().launch_template_name("fits").launch_template_data(user_data(&"#".repeat(16_384)));
    fits.send().await.unwrap();
    let large = ask.launch_template_name("large").launch_template_data(user_data(&"#".repeat(16_385)));
    assert_eq!(code(large.send().await), "InvalidParameterValue");
    let named = at.ec2.describe_launch_templates().launch_template_names("taken").send().await.unwrap();
    assert_eq!(named.launch_templates()[0].latest_version_number(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_runs_the_version_it_names_of_an_adopted_template() {
    let at = Harness::start().await;
    let data = serde_json::json!({
        "ImageId": "ami-elsewhere",
        "UserData": base64("#!/bin/bash\necho first > ran\nexec sleep 1000\n"),
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "n"}]}],
    });
    let arch = if cfg!(target_arch = "aarch64") { Arch::Arm64 } else { Arch::X86_64 };
    let template =
        AdoptTemplate { id: "lt-elsewhere".into(), name: "elsewhere".into(), data, tags: Default::default() };
    let subnet = AdoptSubnet { id: "subnet-elsewhere".into(), vpc: None, zone: "us-east-1b".into() };
    let images = [("ami-elsewhere".to_owned(), arch)].into();
    at.local.adopt(Adopt { templates: vec![template], subnets: vec![subnet], images }).unwrap();
    add(&at, "lt-elsewhere", Some("1"), user_data("#!/bin/bash\necho second > ran\nexec sleep 1000\n")).await;
    add(&at, "lt-elsewhere", Some("1"), user_data("#!/bin/bash\necho third > ran\nexec sleep 1000\n")).await;
    let mut asked = by_attributes(2, 2);
    asked.subnet_id = Some("subnet-elsewhere".into());
    let fleet = at.ec2.create_fleet().launch_template_configs(config("lt-elsewhere", "2", vec![asked]));
    fleet.target_capacity_specification(target(2)).send().await.unwrap();
    let seen = at.wait_for("it runs", |seen| seen.running().len() == 1);
    let instance = &seen.instances[0];
    assert_eq!(read_soon(&instance.dir.join("ran")), "second\n");
    assert_eq!((instance.zone.as_str(), instance.tags["Name"].as_str()), ("us-east-1b", "n"));
}
