//! The program: reads the command line and calls the library.

use clap::Parser;
use pocketshift::{
    config::{Cli, Command, Folder, Serve},
    run, trace,
};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => serve(cli.serve),
        Some(Command::Serve(flags)) => serve(flags),
        Some(Command::Kubeconfig(folder)) => kubeconfig(&folder),
        Some(Command::Reset(folder)) => run::reset(&folder),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("pocketshift: {why}");
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: Serve) -> Result<(), String> {
    trace::init(&flags)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start: {e}"))?;
    runtime.block_on(run::serve(flags))
}

fn kubeconfig(folder: &Folder) -> Result<(), String> {
    let path = folder.path()?.join(run::KUBECONFIG);
    if !path.is_file() {
        return Err(format!("there is no {}; start `pocketshift` first", path.display()));
    }
    println!("{}", path.display());
    Ok(())
}
