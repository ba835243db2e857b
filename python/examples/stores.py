"""One page from three stores with the drivers that everybody has: pymongo, boto3, requests.

python stores.py MONGODB_URL S3_URL HTTP_URL
"""

import sys

import boto3
import pymongo
import requests

import codap


def show(mongodb, s3, http):
    users = pymongo.MongoClient(mongodb).site.users
    bucket = boto3.client(
        "s3",
        endpoint_url=s3,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )

    page = codap.KV(deadline=20)
    page.put("user", users.find_one, {"_id": 7})
    page.put("photo", lambda: bucket.get_object(Bucket="photos", Key="7.png")["Body"].read())
    page.put("weather", lambda: requests.get(f"{http}/weather", timeout=10).json())
    page.put("news", codap.fetch, f"{http}/news")  # no driver, no thread
    return {
        "user": page["user"]["name"],
        "photo": len(page["photo"]),
        "weather": page["weather"]["sky"],
        "news": page["news"].text,
    }


if __name__ == "__main__":
    print(show(*sys.argv[1:]))
