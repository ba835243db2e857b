"""Files of a web service into one zip, each as it comes. The fetches run without a Python thread.

python zip_files.py out.zip URL…
"""

import sys
import zipfile

import codap


def zip_files(out, urls):
    fr = codap.FirstReply()
    for url in urls:
        fr.push(codap.fetch, url)
    with zipfile.ZipFile(out, "w") as archive:
        for file in fr:  # in the order in which they come
            archive.writestr(file.uri.rpartition("/")[2], file)
    return len(fr)


if __name__ == "__main__":
    out, *urls = sys.argv[1:]
    print(zip_files(out, urls), "files in", out)
