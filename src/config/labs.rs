//! The command line of the labs.

use super::Which;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What can be done with exercises.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// List the exercises
    List(LabFlags),
    /// Show what an exercise is about, and what is to be done
    Show(LabArgs),
    /// Make an exercise's project, with what is in it before the student begins
    Start(LabArgs),
    /// Say which exercise is started, since when and where
    Status(LabArgs),
    /// Look at what is there and at what happened since the start, and count points
    Grade {
        #[command(flatten)]
        #[allow(missing_docs)]
        lab: LabArgs,
        /// Keep what the grade was made of in this file
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
        /// Grade what was kept in this file, instead of the running server: by `--save`, or by
        /// `pocketshift record`, which is done again
        #[arg(long, value_name = "FILE", conflicts_with = "save")]
        recording: Option<PathBuf>,
        /// Grade as it was after this step of the recording
        #[arg(long, value_name = "STEP", requires = "recording")]
        until: Option<usize>,
        /// The images the recorded cluster had besides the built-in ones
        #[arg(long, value_name = "FILE", requires = "recording")]
        catalog: Option<PathBuf>,
    },
    /// Give the next hint
    Hint(LabArgs),
    /// Type the solution, as the student
    Solve(LabArgs),
    /// End an exercise: its project goes, time and registries are as they were
    Finish(LabArgs),
    /// Play exercises of files: alone they earn nothing, solved everything, and each wrong way what
    /// it says. Needs no running server
    Check {
        /// Files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Give every student a cluster with an address and a password, and start an exercise in it; list
    /// them; keep what they have done; end it
    #[command(after_help = "Use it as:
  pocketshift lab class --students 30 start NAME
  pocketshift lab class list
  pocketshift lab class export NAME --to DIR
  pocketshift lab class finish NAME --to DIR")]
    Class(ClassArgs),
    /// Show what every student has earned
    Board(LabFlags),
}

/// A class.
#[derive(Clone, Debug, Args)]
pub struct ClassArgs {
    /// How many
    #[arg(long)]
    pub students: Option<usize>,
    /// What to do
    pub what: ClassWhat,
    /// Name of the exercise
    pub name: Option<String>,
    /// Folder that gets each student's grade (JSON, JUnit) and recording, and the board
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub flags: LabFlags,
}

/// What a class does together.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum ClassWhat {
    /// Give clusters to those who have none, and start an exercise in all
    Start,
    /// Tell addresses and passwords
    List,
    /// Keep what everybody has done
    Export,
    /// End an exercise; a student's cluster ends with its last one
    Finish,
}

/// Which exercise is meant.
#[derive(Clone, Debug, Args)]
pub struct LabArgs {
    /// Name of the exercise
    pub name: String,
    /// Student of a class
    #[arg(long, default_value = "", hide_default_value = true)]
    pub student: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub flags: LabFlags,
}

/// Flags of all commands of labs.
#[derive(Clone, Debug, Args)]
pub struct LabFlags {
    /// Form of what is printed
    #[arg(short, long, value_enum, default_value_t = LabOutput::Text)]
    pub output: LabOutput,
    /// Folder with exercises of one's own, besides those of the program
    #[arg(long, env = "POCKETSHIFT_LABS", value_name = "DIR")]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub at: Which,
}

/// Form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum LabOutput {
    /// For people
    Text,
    /// For programs
    Json,
    /// For build servers; grades only
    Junit,
}
