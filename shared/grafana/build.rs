//! Takes the two files that the page of the API needs out of Swagger UI's archive, compressed as they are there: a zip
//! holds what a gzip file holds, between another head and another end.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

/// What the files end with in the archive, whose folder has the version in its name.
const FILES: [&str; 2] = ["/dist/swagger-ui-bundle.js", "/dist/swagger-ui.css"];

/// RFC 1952, 2.3: deflated, without name or time, of an unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for wanted in FILES {
        let bytes = gzipped(&mut archive, wanted)?;
        let name = Path::new(wanted).file_name().ok_or("a file has a name")?;
        fs::write(out.join(name).with_added_extension("gz"), bytes)?;
    }
    Ok(())
}

fn gzipped(
    archive: &mut ZipArchive<Cursor<&'static [u8]>>,
    wanted: &str,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let named = |name: Result<_, zip::result::ZipError>| {
        name.is_ok_and(|name: std::borrow::Cow<'_, str>| name.ends_with(wanted))
    };
    let index = archive.file_names().position(named);
    let mut file = archive.by_index_raw(index.ok_or("Swagger UI lacks a file")?)?;
    if file.compression() != CompressionMethod::DEFLATE {
        return Err(io::Error::other(format!("{wanted} is not deflated")).into());
    }
    let mut bytes = HEAD.to_vec();
    file.read_to_end(&mut bytes)?;
    bytes.extend(file.crc32().to_le_bytes());
    bytes.extend(u32::try_from(file.size())?.to_le_bytes());
    Ok(bytes)
}
