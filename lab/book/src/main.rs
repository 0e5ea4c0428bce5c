//! `hallway-book`: builds and serves the book. `hallway book` starts it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hallway_book::serve::{Server, Sources};
use hallway_book::{Built, build};

/// Builds and serves Hallway's book.
#[derive(Debug, Parser)]
#[command(name = "hallway-book", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The directory with `book.toml`.
    #[arg(long, global = true, default_value = "book", value_name = "DIR")]
    root: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Builds the pages.
    Build {
        /// Where to; what is there is replaced.
        #[arg(long, default_value = "target/book", value_name = "DIR")]
        into: PathBuf,
    },
    /// Builds the pages, serves them on loopback, and builds them anew when a source changes.
    Serve {
        /// The port; a free one when absent.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Command::Build { into } => build(&arguments.root, into)
            .map(|built| println!("{} chapters in {}", built.chapters, index(&built)))
            .map_err(|error| (2, error.to_string())),
        Command::Serve { port } => serve(&arguments.root, *port).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            eprintln!("error: {error}");
            ExitCode::from(code)
        }
    }
}

async fn serve(root: &Path, port: u16) -> Result<(), (u8, String)> {
    let machine = |error: std::io::Error| (3, error.to_string());
    let directory = tempfile::tempdir().map_err(machine)?;
    let pages = &directory.path().join("pages");
    // From before the first build on, so that nothing is missed that is saved meanwhile.
    let mut sources = Sources::watch(vec![root.join("src"), root.join("theme")]);
    let built = build(root, pages).map_err(|error| (2, error.to_string()))?;
    let server = Server::bind(port)
        .await
        .map_err(|error| (3, format!("cannot listen on port {port}: {error}")))?;
    let address = server.address().map_err(machine)?;
    println!("{} chapters at http://{address}/ until Ctrl-C", built.chapters);
    let building = async {
        loop {
            sources.changed().await;
            match build(root, pages) {
                Ok(built) => println!("built again: {} chapters", built.chapters),
                Err(error) => eprintln!("error: {error}"),
            }
        }
    };
    tokio::select! {
        served = server.serve(pages) => served.map_err(machine),
        () = building => unreachable!("somebody may always save again"),
        ended = tokio::signal::ctrl_c() => ended.map_err(machine),
    }
}

fn index(built: &Built) -> String {
    built.pages.join("index.html").display().to_string()
}
