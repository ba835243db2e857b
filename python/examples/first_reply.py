"""The same question to several databases: the first reply is the first in the list."""

import codap

my_data = {7: "seven"}
id, datasource_list = 7, ["near", "far", "further"]


def get_data(id):
    return my_data[id]


fr = codap.FirstReply()
for ds in datasource_list:
    fr.push(get_data, id)
data = fr[0]
print(data)

# A reply that is a failure is a reply, too. Where only a good one counts, and the others are to
# stop then, it is a race:
fr = codap.FirstReply()
fr.push(get_data, 8)  # a KeyError
fr.push(get_data, 7)
who, data = fr.first_ok()
print(data)
