//! What is called `pocketshift` on the command line: reads the words and does what they say.

use crate::{
    config::{Cli, Command, Folder, KUBECONFIG, Serve},
    platform,
    run::{self, envtest::Part},
    trace,
};
use clap::Parser;
use std::process::ExitCode;

/// The program `pocketshift`: does what the command line of this process says, and answers how it ends.
/// Errors are one line on standard error.
#[must_use = "it says how the program ends"]
pub fn program() -> ExitCode {
    let mut words = std::env::args();
    let part = words.next().and_then(|name| Part::named(&name));
    let result = match part {
        Some(part) => block_on(part.run(words)),
        None => command(Cli::parse()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("pocketshift: {why}");
            ExitCode::FAILURE
        }
    }
}

fn command(cli: Cli) -> Result<(), String> {
    let serves = matches!(cli.command, None | Some(Command::Serve(_) | Command::Replay(_)));
    if !serves {
        platform::end_with_reader();
    }
    match cli.command {
        None => serve(cli.serve),
        Some(Command::Serve(flags)) => serve(*flags),
        Some(Command::Start(asked)) => block_on(run::start_in_background(&asked)),
        Some(Command::Stop(folder)) => block_on(run::stop_in_background(&folder)),
        Some(Command::Status(folder)) => run::status(&folder),
        Some(Command::Logs { folder, follow }) => block_on(run::logs(&folder, follow)),
        Some(Command::Kubeconfig(folder)) => kubeconfig(&folder),
        Some(Command::Env(at)) => run::registry::env(&at),
        Some(Command::Registry(command)) => block_on(run::registry::command(&command)),
        Some(Command::Node(command)) => block_on(run::registry::node(&command)),
        Some(Command::Cluster(command)) => block_on(run::clusters::command(&command)),
        Some(Command::Time(command)) => block_on(run::time::command(&command)),
        Some(Command::Replica(command)) => block_on(run::replicas::command(&command)),
        Some(Command::Lab(command)) => block_on(run::labs::command(&command)),
        Some(Command::Fault(command)) => block_on(run::faults::command(&command)),
        Some(Command::Record(asked)) => block_on(run::replay::record(&asked)),
        Some(Command::Replay(asked)) => block_on(run::replay::replay(&asked)),
        Some(Command::Why(asked)) => block_on(run::trail::why(&asked)),
        Some(Command::Trail(asked)) => block_on(run::trail::trail(&asked)),
        Some(Command::Check(folder)) => run::check(&folder),
        Some(Command::Reset(folder)) => run::reset(&folder),
        Some(Command::Envtest(asked)) => run::envtest::install(&asked),
    }
}

fn serve(flags: Serve) -> Result<(), String> {
    trace::init(&flags)?;
    block_on(run::serve(flags))
}

fn block_on(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start: {e}"))?;
    runtime.block_on(work)
}

fn kubeconfig(folder: &Folder) -> Result<(), String> {
    let path = folder.path()?.join(KUBECONFIG);
    if !path.is_file() {
        return Err(format!("there is no {}; start `pocketshift` first", path.display()));
    }
    println!("{}", path.display());
    Ok(())
}
