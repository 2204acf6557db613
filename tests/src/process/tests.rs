use super::*;

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn runs(id: u32) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

#[tokio::test]
async fn a_dropped_program_is_gone_with_its_folder() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_owned();
    let mut process = Process::spawn("sleeper", &shell("echo up; exec sleep 100"), Some(folder));
    let log = process.log.clone();
    assert!(process.wait_until(async || std::fs::read_to_string(&log).unwrap() == "up\n").await);
    let id = process.id();
    assert!(runs(id) && path.exists());
    drop(process);
    assert!(!runs(id) && !path.exists());
}

#[tokio::test]
async fn a_program_sees_only_the_environment_given() {
    let mut command = shell("env");
    command.env("GIVEN", "value");
    let mut process = Process::spawn("env", &command, None);
    assert!(process.wait(Duration::from_secs(10)).await.success());
    let log = process.log();
    let names: Vec<_> = log.lines().filter_map(|line| line.split('=').next()).collect();
    assert!(names.contains(&"GIVEN") && !names.contains(&"HOME"), "{log}");
}

#[tokio::test]
async fn the_end_of_a_program_is_seen() {
    let mut process = Process::spawn("exits", &shell("exit 3"), None);
    assert_eq!(process.wait(Duration::from_secs(10)).await.code(), Some(3));
    assert!(!process.wait_until(async || false).await);

    let mut process = Process::spawn("signalled", &shell("exec sleep 100"), None);
    process.signal("TERM");
    assert_eq!(process.wait(Duration::from_secs(10)).await.code(), Some(128 + 15));
}
