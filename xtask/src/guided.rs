//! `cargo xtask guided`: the release binary, built with a profile of what it does under load (profile-guided optimization).
//!
//! A message runs through some ten thousand instructions once, so what counts is that those lie close together and the
//! others out of the way. Only a profile tells the compiler which they are.

use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{command, command_with, in_target};
use crate::{bench, packages};

/// What the profile is made of; few calls a second, because counting makes the server slow.
const LOAD: &[&[&str]] = &[&["-w", "A,B,C,D,DLG", "--rate", "300"], &["-w", "A,B,D", "--rate", "300", "--tcp"]];

/// Builds, loads, builds again; tells where the program is.
pub(crate) fn build() -> Result<PathBuf, String> {
    let compiler = text_of(Command::new("rustc").arg("-vV"))?;
    let folder = in_target("guided")?;
    let counts = folder.join("counts");
    if counts.exists() {
        std::fs::remove_dir_all(&counts).map_err(|error| format!("{}: {error}", counts.display()))?;
    }
    bench::install_load()?;
    let counting = compile(&compiler, &folder, &[&format!("-Cprofile-generate={}", text(&counts)?)])?;
    for load in LOAD {
        let server = format!("counting={} -f {{cfg}} -DD -E", text(&counting)?);
        let mut line = vec![bench::SCRIPT, "run", "-s", &server, "--runs", "1", "--cycles", "1", "--slice", "5"];
        line.extend(*load);
        command("python3", &line)?;
    }
    let merged = folder.join("olelo.profdata");
    let merge = profdata(&compiler)?;
    command(text(&merge)?, &["merge", "-o", text(&merged)?, text(&counts)?])?;
    let profile = named_by_content(&merged)?;
    // The sections' names tell the linker which functions run under load: it puts those side by side.
    let flags = [&format!("-Cprofile-use={}", text(&profile)?), "-Clink-arg=-Wl,-z,keep-text-section-prefix"];
    let built = compile(&compiler, &folder, &flags)?;
    let program = folder.join("olelo");
    std::fs::copy(&built, &program).map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(program)
}

/// Cargo looks at the flags and not into the files that they name: only another name makes it compile everything again.
fn named_by_content(merged: &Path) -> Result<PathBuf, String> {
    let told = |error: std::io::Error| format!("{}: {error}", merged.display());
    let mut hash = DefaultHasher::new();
    hash.write(&std::fs::read(merged).map_err(told)?);
    let profile = merged.with_file_name(format!("{:016x}.profdata", hash.finish()));
    std::fs::rename(merged, &profile).map_err(told)?;
    Ok(profile)
}

/// Builds with further flags of the compiler. Naming the target keeps build scripts out of it.
fn compile(compiler: &str, folder: &Path, flags: &[&str]) -> Result<PathBuf, String> {
    let host = value_of(compiler, "host")?;
    let folder_text = text(folder)?;
    let flags = flags.join("\u{1f}");
    let line = ["build", "--quiet", "--release", "--package", "olelo", "--target", host, "--target-dir", folder_text];
    command_with("cargo", &line, &[("CARGO_ENCODED_RUSTFLAGS", &flags)])?;
    Ok(folder.join(host).join("release/olelo"))
}

/// The program that merges profiles: rustup's (component llvm-tools), else Debian's for the compiler's LLVM.
fn profdata(compiler: &str) -> Result<PathBuf, String> {
    let sysroot = text_of(Command::new("rustc").args(["--print", "sysroot"]))?;
    let own = format!("{}/lib/rustlib/{}/bin/llvm-profdata", sysroot.trim(), value_of(compiler, "host")?);
    if Path::new(&own).exists() {
        return Ok(own.into());
    }
    let version = value_of(compiler, "LLVM version")?;
    let major = version.split('.').next().unwrap_or(version);
    let program = format!("/usr/bin/llvm-profdata-{major}");
    packages::install_program(&program, &format!("llvm-{major}"))?;
    Ok(program.into())
}

/// What a line of `rustc -vV` says.
fn value_of<'a>(compiler: &'a str, name: &str) -> Result<&'a str, String> {
    let line = compiler.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.ok_or_else(|| format!("`rustc -vV` has no line `{name}`"))
}

fn text_of(program: &mut Command) -> Result<String, String> {
    let output = program.output().map_err(|error| format!("cannot run rustc: {error}"))?;
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{}: no UTF-8", path.display()))
}
